//! `sojourn-sim`: runs clusters of the shipped node and client in one process,
//! breaks them as a plan says, and checks what must hold.

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use sojourn_sim::plan::{self, Level};

#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the hash of a seed's whole trace.
    #[command(hide = true)]
    Hash {
        /// The seed.
        seed: u64,
        /// The level.
        #[arg(long, value_enum)]
        level: LevelName,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum LevelName {
    Core,
    Full,
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line")]
fn main() -> ExitCode {
    let Cli { command: Command::Hash { seed, level } } = Cli::parse();
    let level = match level {
        LevelName::Core => Level::Core,
        LevelName::Full => Level::Full,
    };
    match sojourn_sim::run(&plan::draw(seed, level), false) {
        Ok(outcome) => {
            println!("{:032x}", outcome.trace_hash);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
