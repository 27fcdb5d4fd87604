//! `sojourn-sim`: runs clusters of the shipped node and client in one process,
//! breaks them as a seed says, and checks what must hold.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use sojourn_sim::region_cut;

#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run seeds one after another; the exit code is 1 if any broke an invariant.
    Run {
        /// How many seeds.
        #[arg(long, default_value_t = 10)]
        seeds: u64,
        /// The first one.
        #[arg(long, default_value_t = 0)]
        seed_base: u64,
    },
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line")]
fn main() -> ExitCode {
    let Cli { command: Command::Run { seeds, seed_base } } = Cli::parse();
    let (mut simulated, started) = (Duration::ZERO, started());
    for seed in seed_base..seed_base.saturating_add(seeds) {
        match run_alone(seed) {
            Ok(report) => {
                simulated += report.simulated;
                println!(
                    "seed {seed}: {} cut off, {} lost power, {} writes acknowledged, {} unknown: all kept, all equal",
                    report.region, report.crashed, report.acknowledged, report.unknown
                );
            }
            Err(failure) => {
                eprintln!("seed {seed}: {failure}\nreplay: sojourn-sim run --seeds 1 --seed-base {seed}");
                return ExitCode::FAILURE;
            }
        }
    }
    let real = started.elapsed().as_secs_f64();
    println!("{seeds} seeds held; {:.1} simulated seconds a real second", simulated.as_secs_f64() / real);
    ExitCode::SUCCESS
}

#[allow(clippy::disallowed_methods, reason = "how long the simulator itself takes")]
fn started() -> Instant {
    Instant::now()
}

/// A fresh thread for each seed, so that nothing thread-local carries over.
fn run_alone(seed: u64) -> Result<region_cut::Report, String> {
    let worker = std::thread::spawn(move || {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        region_cut::run(seed, folder.path()).map_err(|error| error.to_string())
    });
    worker.join().unwrap_or_else(|_| Err("the simulation panicked".into()))
}
