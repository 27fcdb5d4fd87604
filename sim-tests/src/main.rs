//! `sojourn-sim`: runs clusters of the shipped node and client in one process,
//! breaks them as a seed says, and checks what must hold.

mod cli;

/// Runs are made of small allocations: they take a tenth less time with this one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
