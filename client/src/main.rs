//! The command line `sojourn`. Started under the name `sojournd` it is a node,
//! so that `sojourn up` needs no second binary.

mod cli;

use std::path::Path;
use std::process::ExitCode;

/// The name under which this binary is a node.
const NODE_NAME: &str = "sojournd";

fn main() -> ExitCode {
    let name = std::env::args_os().next().unwrap_or_default();
    if Path::new(&name).file_name().is_some_and(|file| file == NODE_NAME) {
        return cli::node_main();
    }
    cli::main()
}
