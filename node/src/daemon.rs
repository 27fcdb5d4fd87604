//! The process around a node: arguments, files, signals, one line for each error.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::config::Config;
use crate::env::Environment;
use crate::run::{RunError, run};
use crate::security::ClusterKey;
use crate::store::{SealedStore, SledStore, Store};
use crate::telemetry::init_logs;

/// A node of a Sojourn cluster.
#[derive(Debug, Parser)]
#[command(name = "sojournd", version)]
struct Arguments {
    /// The configuration, a TOML file.
    #[arg(long, value_name = "FILE", required_unless_present = "print_default_config")]
    config: Option<PathBuf>,
    /// Prints a complete configuration with every default, and ends.
    #[arg(long)]
    print_default_config: bool,
    /// Checks the configuration, and ends.
    #[arg(long)]
    check: bool,
}

/// Runs `sojournd` with the arguments of this process until it is told to stop.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr, reason = "logs may not be set up when this is needed")]
fn tell(error: &RunError) {
    eprintln!("sojournd: {error}");
}

#[allow(clippy::print_stdout, reason = "it is what was asked for")]
fn start(arguments: &Arguments) -> Result<(), RunError> {
    if arguments.print_default_config {
        print!("{}", Config::default_text());
        return Ok(());
    }
    let Some(path) = &arguments.config else { return Ok(()) };
    let config = Config::read(path)?;
    if arguments.check {
        println!("{} is valid", path.display());
        return Ok(());
    }
    init_logs(&config.telemetry).map_err(RunError::Logs)?;
    let env = Environment::real();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| RunError::Runtime(error.to_string()))?;
    let outcome = runtime.block_on(async {
        let shutdown = signal()?;
        let store = open_store(&config, &env)?;
        run(config, env, store, shutdown).await
    });
    // Whatever still waits has had its time.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

/// The database of the data directory, each value sealed.
fn open_store(config: &Config, env: &Environment) -> Result<Arc<dyn Store>, RunError> {
    let key = ClusterKey::read(&config.keys.cluster_key_file)?;
    let sled = SledStore::open(&config.node.data_dir, config.store.clone())?;
    sled.start_upkeep(env);
    Ok(Arc::new(SealedStore::open(sled, &key.at_rest_key(), &env.rng)?))
}

/// Completes at SIGTERM or SIGINT.
#[cfg(unix)]
fn signal() -> Result<impl Future<Output = ()>, RunError> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| RunError::Runtime(error.to_string());
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Completes at Ctrl-C.
#[cfg(not(unix))]
fn signal() -> Result<impl Future<Output = ()>, RunError> {
    Ok(async {
        // An error means that there are no signals; then only a kill stops the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
