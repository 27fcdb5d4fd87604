//! `sojourn bench`: how fast, at what cost, beside a bare tonic server.

mod bed;
pub(crate) mod echo;
mod load;
mod parts;
mod proc;
pub(crate) mod progress;
mod report;
mod sessions;
mod targets;
mod tls;

use std::path::Path;

use self::bed::Bed;
use self::parts::{loads, memory, regions};
use self::progress::Progress;
use self::report::Report;
use self::sessions::Content;
use crate::cli::args::{BenchArgs, Part};
use crate::cli::error::CliError;
use crate::cli::output::Output;

/// Load alone needs no second region, which would take its share of the machine.
const LOAD_REGIONS: [&str; 1] = ["eu"];
/// Convergence needs one.
const REMOTE_REGIONS: [&str; 2] = ["eu", "us"];

/// Measures what is wanted; `data` names a cluster's folder.
pub(crate) async fn run(data: Option<&Path>, args: BenchArgs, output: &Output) -> Result<(), CliError> {
    args.mix().map_err(CliError::Usage)?;
    if args.callers > args.sessions.max(1) * 1_000 {
        return Err(CliError::Usage("--callers is more than 1000 times --sessions".into()));
    }
    tokio::select! {
        outcome = measure(data, &args, output) => outcome,
        _ = tokio::signal::ctrl_c() => Err(CliError::Failed("interrupted".into())),
    }
}

async fn measure(data: Option<&Path>, args: &BenchArgs, output: &Output) -> Result<(), CliError> {
    if cfg!(debug_assertions) {
        output.note(
            "this is a build without optimisation; `cargo run --release --bin sojourn -- bench` tells more",
        );
    }
    let (mut report, progress) = (Report::default(), Progress::new(output));
    let mut far_bed = None;
    if args.wants(&loads::PARTS) || args.wants(&[Part::Memory]) {
        progress.step("starting a cluster");
        let bed = start(data, args, &LOAD_REGIONS).await?;
        near(&bed, args, &progress, &mut report).await?;
        if bed.other_region().is_some() { far_bed = Some(bed) } else { bed.stop().await? }
    }
    if args.wants(&regions::PARTS) {
        progress.step("starting a cluster of two regions");
        let bed = match far_bed.take() {
            Some(bed) => bed,
            None => start_far(data, args).await?,
        };
        regions::Regions::prepare(&bed, args).await?.run(&progress, &mut report).await?;
        far_bed = Some(bed);
    }
    drop(progress);
    report.print(output);
    match far_bed {
        Some(bed) => bed.stop().await,
        None => Ok(()),
    }
}

async fn near(bed: &Bed, args: &BenchArgs, progress: &Progress, report: &mut Report) -> Result<(), CliError> {
    let client = bed.client(bed.region()).await?;
    let content = Content { fields: args.fields, value_bytes: args.value_bytes };
    // First, while the process has nothing else to keep.
    if args.wants(&[Part::Memory]) {
        progress.step("memory of a session");
        memory::run(bed, &client, content, report).await?;
    }
    if args.wants(&loads::PARTS) {
        progress.step("making sessions");
        loads::Loads::prepare(bed, client, args, content).await?.run(progress, report).await?;
    }
    Ok(())
}

async fn start(data: Option<&Path>, args: &BenchArgs, default: &[&str]) -> Result<Bed, CliError> {
    if let Some(dir) = data {
        return Bed::of_folder(args, dir).await;
    }
    let default = || default.iter().map(|name| (*name).to_owned()).collect();
    Bed::temporary(args, args.regions.clone().unwrap_or_else(default)).await
}

/// A cluster of its own where the folder's has but one region.
async fn start_far(data: Option<&Path>, args: &BenchArgs) -> Result<Bed, CliError> {
    let only_far = !args.wants(&loads::PARTS) && !args.wants(&[Part::Memory]);
    if only_far && data.is_some() {
        return start(data, args, &REMOTE_REGIONS).await;
    }
    let named = args.regions.clone().filter(|regions| regions.len() > 1);
    Bed::temporary(args, named.unwrap_or_else(|| REMOTE_REGIONS.map(String::from).to_vec())).await
}
