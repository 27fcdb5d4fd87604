//! The command line: arguments in, human text or JSON out.
//!
//! It is a program of its own, outside the simulation, so it reads the real
//! clock and spawns real tasks; [`host`] is the one place that does.

mod args;
mod bench;
mod cluster;
mod commands;
mod demo;
mod dev_ca;
mod error;
mod export;
mod host;
mod output;
mod utc;
mod wan;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Cli, Command};
use self::error::CliError;
use self::output::Output;

/// Runs this process as a node.
pub(crate) fn node_main() -> ExitCode {
    sojourn_node::daemon::main()
}

/// Runs the command line.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.output);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&output, &CliError::io("cannot start the runtime", error)),
    };
    let outcome = runtime.block_on(run(cli, &output));
    // A proxy or a stream may still be waiting for bytes that never come.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&output, &error),
    }
}

fn report(output: &Output, error: &CliError) -> ExitCode {
    output.error(error);
    ExitCode::from(error.exit_code())
}

async fn run(cli: Cli, output: &Output) -> Result<(), CliError> {
    let data = cli.data_dir();
    let named = cli.data.clone();
    match cli.command {
        Command::Up(args) => commands::up::run(&data, args, output).await,
        Command::Link(command) => commands::link::run(&data, command, output).await,
        Command::Node(command) => commands::node::run(&data, command, output).await,
        Command::Session(args) => commands::session::run(&data, args, output).await,
        Command::Principal(args) => commands::principal::run(&data, args, output).await,
        Command::Policy(args) => commands::policy::run(&data, args, output).await,
        Command::Namespace(command) => commands::namespace::run(&data, command, output).await,
        Command::Watch(args) => commands::watch::run(&data, args, output).await,
        Command::Archive(args) => commands::archive::run(&data, args, output).await,
        Command::Explain(args) => commands::explain::run(&data, args, output).await,
        Command::Status(args) => commands::status::run(&data, args, output).await,
        Command::Members(args) => commands::members::run(&data, &args, output).await,
        Command::Layout(args) => commands::layout::run(&data, &args, output).await,
        Command::Demo(args) => demo::run(args, output).await,
        Command::Bench(args) => bench::run(named.as_deref(), args, output).await,
        Command::BenchEcho(args) => bench::echo::run(args, output).await,
        Command::Completions(args) => commands::completions::run(&args, output),
    }
}
