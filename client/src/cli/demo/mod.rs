//! `sojourn demo`: a login, a cut link, a logout and a heal, played for real.

mod cast;
mod checks;
mod story;

use std::path::Path;

use serde_json::json;

use self::cast::Cast;
use self::checks::Transcript;
use crate::cli::args::{ClusterShape, DemoArgs};
use crate::cli::cluster::{LocalCluster, Plan, free_base_port};
use crate::cli::error::CliError;
use crate::cli::host;
use crate::cli::output::Output;

const NODES_PER_REGION: u16 = 3;

/// Plays the story and counts its checks.
pub(crate) async fn run(args: DemoArgs, output: &Output) -> Result<(), CliError> {
    let folder = tempfile::Builder::new()
        .prefix("sojourn-demo-")
        .tempdir()
        .map_err(|error| CliError::io("cannot make a temporary folder", error))?;
    let outcome = tokio::select! {
        outcome = play(folder.path(), &args, output) => outcome,
        _ = tokio::signal::ctrl_c() => Err(CliError::Failed("interrupted".into())),
    };
    if args.keep {
        output.note(format!("kept {}", folder.keep().display()));
    }
    outcome
}

async fn play(folder: &Path, args: &DemoArgs, output: &Output) -> Result<(), CliError> {
    let started = host::now();
    let cluster = LocalCluster::start(plan(folder, args)?).await?;
    let mut transcript = Transcript::new(output, started);
    transcript.scene(&format!(
        "Nine nodes start: three regions of three, {} ms apart one way",
        args.wan.as_millis()
    ));
    cluster.wait_ready(|_| ()).await?;
    transcript.check(
        "nine nodes are ready",
        9,
        cluster.views(false).await.iter().filter(|v| v.is_ready()).count(),
    );
    let told = match Cast::meet(&cluster).await {
        Ok(cast) => story::tell(&cluster, &cast, &mut transcript).await,
        Err(error) => Err(error),
    };
    if let Err(error) = told {
        transcript.check("the story goes on to its end", String::new(), error.to_string());
    }
    cluster.stop().await?;
    finish(&transcript, output)
}

fn plan(folder: &Path, args: &DemoArgs) -> Result<Plan, CliError> {
    let regions = vec!["eu".to_owned(), "us".to_owned(), "ap".to_owned()];
    let base_port = free_base_port(regions.len() * usize::from(NODES_PER_REGION))?;
    let shape = ClusterShape {
        regions: Some(regions),
        nodes: Some(NODES_PER_REGION),
        wan: args.wan,
        wan_jitter: args.wan / 20,
        wan_bandwidth: None,
    };
    Plan::new(folder, &shape, Some(base_port))
}

fn finish(transcript: &Transcript<'_>, output: &Output) -> Result<(), CliError> {
    let (total, failed) = (transcript.checks().len(), transcript.failed());
    let seconds = transcript.elapsed().as_secs_f64();
    output.json(&json!({
        "checks": transcript.checks(), "failed": failed, "seconds": seconds,
    }));
    if failed > 0 {
        return Err(CliError::ChecksFailed(format!("{failed} of {total} checks failed")));
    }
    output.line(format!("\n✓ all {total} checks passed in {seconds:.1} s"));
    Ok(())
}
