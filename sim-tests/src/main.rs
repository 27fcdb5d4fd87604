//! `sojourn-sim`: runs clusters of the shipped node and client in one process,
//! breaks them as a seed says, and checks what must hold.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
