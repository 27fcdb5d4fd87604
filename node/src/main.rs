//! The server `sojournd`.

fn main() -> std::process::ExitCode {
    sojourn_node::daemon::main()
}
