//! The command line: arguments in, human text out.

mod args;
mod batch;
mod commands;
mod error;
mod host;
mod output;
mod panics;
mod source;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Cli, Command};
use self::error::CliError;

/// Runs the command line.
pub(crate) fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(format!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Run(args) => commands::run::run(&args),
        Command::Replay(args) => commands::replay::run(&args),
        Command::Scenarios => commands::scenarios::run(),
        Command::Shrink(args) => commands::shrink::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Drill(args) => commands::drill::run(&args),
        Command::Plants(args) => commands::plants::run(&args),
        Command::Hash(args) => commands::hash::run(&args),
    }
}
