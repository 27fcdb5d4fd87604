//! `sojourn-sim scenarios`: what there is.

use sojourn_sim::scenarios;

use crate::cli::error::CliError;
use crate::cli::output::{self, Table};

/// Lists every scenario with its sentence.
pub(crate) fn run() -> Result<(), CliError> {
    let mut table = Table::new(["scenario", "what happens"]);
    for scenario in scenarios::all() {
        table.row([scenario.name.to_owned(), scenario.sentence.to_owned()]);
    }
    output::lines(table.render());
    Ok(())
}
