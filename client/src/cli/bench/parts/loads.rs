//! Rates, latencies and CPU time, beside those of the bare echo.

use std::sync::Arc;
use std::time::Duration;

use sojourn_client::{Client, Durability};
use tonic::transport::Channel;

use crate::cli::args::{BenchArgs, DurabilityLevel, Mix, Part};
use crate::cli::bench::bed::Bed;
use crate::cli::bench::echo::{self, EchoProcess, Size};
use crate::cli::bench::load::{Load, Target, Zipf};
use crate::cli::bench::progress::Progress;
use crate::cli::bench::report::{LoadResult, Report};
use crate::cli::bench::sessions::{self, Content};
use crate::cli::bench::targets::{Calls, Library, Unary};
use crate::cli::bench::tls;
use crate::cli::error::CliError;

/// The parts that load one region.
pub(crate) const PARTS: [Part; 5] = [Part::Unary, Part::Reads, Part::Writes, Part::Synced, Part::Mix];

/// Everything that the loads share.
pub(crate) struct Loads<'a> {
    bed: &'a Bed,
    args: &'a BenchArgs,
    client: Client,
    channel: Channel,
    calls: Calls,
    keys: Arc<Zipf>,
    sizes: (Size, Size),
    echo: Option<EchoProcess>,
}

impl<'a> Loads<'a> {
    /// Makes the sessions and starts the bare echo.
    pub(crate) async fn prepare(
        bed: &'a Bed,
        client: Client,
        args: &'a BenchArgs,
        content: Content,
    ) -> Result<Self, CliError> {
        let ids = sessions::create(&client, content, args.sessions as usize, args.callers as usize).await?;
        let calls = Calls { sessions: ids, content, durability: Durability::Buffered };
        let channel = tls::channel(bed.state(), &bed.node()?.address).await?;
        let sizes = Unary { channel: channel.clone(), calls: calls.clone() }.sizes().await?;
        let echo = if args.no_echo { None } else { Some(EchoProcess::start(bed.state()).await?) };
        let keys = Arc::new(Zipf::new(args.sessions as usize, args.skew));
        Ok(Self { bed, args, client, channel, calls, keys, sizes, echo })
    }

    /// Runs the parts that are wanted.
    pub(crate) async fn run(&self, progress: &Progress, report: &mut Report) -> Result<(), CliError> {
        let wants = |part| self.args.wants(&[part]);
        if wants(Part::Unary) {
            progress.step("unary reads and writes, and the bare echo");
            self.unary(report).await?;
        }
        if wants(Part::Reads) {
            progress.step("reads through the client library, and the bare echo");
            self.reads(report).await?;
        }
        if wants(Part::Writes) || wants(Part::Synced) {
            progress.step("writes through the client library, and the bare echo");
            self.writes(report).await?;
        }
        if wants(Part::Mix) {
            progress.step("the mix");
            self.mix(report).await?;
        }
        Ok(())
    }

    async fn unary(&self, report: &mut Report) -> Result<(), CliError> {
        let parts = [
            ("unary read", Mix::READS, self.sizes.0, "≥ 0.9"),
            ("unary buffered write", Mix::WRITES, self.sizes.1, "≥ 0.8"),
        ];
        for (name, mix, size, target) in parts {
            let unary = Unary { channel: self.channel.clone(), calls: self.calls.clone() };
            let own = self.node_load(name, mix, unary, report).await?;
            let Some(echo) = &self.echo else { continue };
            let unary = echo::Unary::new(echo.channel(), size);
            let bare = self.echo_load(&format!("  echo of {}", shape(size)), unary, report).await?;
            report.figure(&format!("{name}: rate / echo"), own.rate_per_s / bare.rate_per_s, "", target);
            cpu_ratio(name, &own, &bare, report);
        }
        Ok(())
    }

    async fn reads(&self, report: &mut Report) -> Result<(), CliError> {
        let own = self.node_load("read", Mix::READS, self.library(Durability::Buffered), report).await?;
        if let (Some(cpu_us), Some(rate)) = (own.server_cpu_us, own.rate_per_core_per_s) {
            report.figure("server CPU of a read", cpu_us, "µs", "≤ 2.5");
            report.figure("reads a second and core", rate, "", "≥ 400000");
        }
        self.beside_echo("read", &own, self.sizes.0, report).await
    }

    async fn writes(&self, report: &mut Report) -> Result<(), CliError> {
        let library = self.library(Durability::Buffered);
        let buffered = self.node_load("buffered write", Mix::WRITES, library, report).await?;
        if self.args.wants(&[Part::Writes]) {
            if let Some(cpu_us) = buffered.server_cpu_us {
                report.figure("server CPU of a buffered write", cpu_us, "µs", "≤ 5");
            }
            self.beside_echo("buffered write", &buffered, self.sizes.1, report).await?;
        }
        if self.args.wants(&[Part::Synced]) {
            let library = self.library(Durability::Synced);
            let synced = self.node_load("synced write", Mix::WRITES, library, report).await?;
            let ratio = synced.rate_per_s / buffered.rate_per_s;
            report.figure("synced / buffered write: rate", ratio, "", "≥ 0.6");
        }
        Ok(())
    }

    async fn mix(&self, report: &mut Report) -> Result<(), CliError> {
        let mix = self.args.mix().map_err(CliError::Usage)?;
        let durability = match self.args.durability {
            DurabilityLevel::Buffered => Durability::Buffered,
            DurabilityLevel::Synced => Durability::Synced,
        };
        let load = Load { rate: self.args.rate, ..self.load(mix) };
        let pace = self.args.rate.map_or_else(String::new, |rate| format!(", {rate}/s due"));
        let way = if self.args.unary { "unary " } else { "" };
        let name =
            format!("{way}mix {}:{}:{} of read, write, touch{pace}", mix.reads, mix.writes, mix.touches);
        let cpu = async || self.bed.cpu_us(&self.client).await;
        let measured = if self.args.unary {
            let calls = Calls { durability, ..self.calls.clone() };
            load.run(Unary { channel: self.channel.clone(), calls }, cpu).await?
        } else {
            load.run(self.library(durability), cpu).await?
        };
        report.loads.push(LoadResult::new(&name, &measured));
        Ok(())
    }

    async fn beside_echo(
        &self,
        name: &str,
        own: &LoadResult,
        size: Size,
        report: &mut Report,
    ) -> Result<(), CliError> {
        let Some(echo) = &self.echo else { return Ok(()) };
        let stream = echo::Stream::open(&echo.channel(), size).await?;
        let bare = self.echo_load(&format!("  stream echo of {}", shape(size)), stream, report).await?;
        report.figure(&format!("{name}: rate / stream echo"), own.rate_per_s / bare.rate_per_s, "", "");
        cpu_ratio(name, own, &bare, report);
        Ok(())
    }

    fn library(&self, durability: Durability) -> Library {
        Library { client: self.client.clone(), calls: Calls { durability, ..self.calls.clone() } }
    }

    fn load(&self, mix: Mix) -> Load {
        Load {
            callers: self.args.callers,
            rate: None,
            warmup: self.args.warmup,
            measured: Duration::from_secs(self.args.seconds),
            mix,
            keys: self.keys.clone(),
        }
    }

    async fn node_load<T: Target>(
        &self,
        name: &str,
        mix: Mix,
        target: T,
        report: &mut Report,
    ) -> Result<LoadResult, CliError> {
        let measured = self.load(mix).run(target, async || self.bed.cpu_us(&self.client).await).await?;
        Ok(keep(LoadResult::new(name, &measured), report))
    }

    async fn echo_load<T: Target>(
        &self,
        name: &str,
        target: T,
        report: &mut Report,
    ) -> Result<LoadResult, CliError> {
        let cpu = async || self.echo.as_ref().and_then(EchoProcess::cpu_us);
        let measured = self.load(Mix::READS).run(target, cpu).await?;
        Ok(keep(LoadResult::new(name, &measured), report))
    }
}

fn keep(result: LoadResult, report: &mut Report) -> LoadResult {
    report.loads.push(result.clone());
    result
}

fn shape(size: Size) -> String {
    format!("{} → {} bytes", size.request, size.answer)
}

fn cpu_ratio(name: &str, own: &LoadResult, bare: &LoadResult, report: &mut Report) {
    if let (Some(own), Some(bare)) = (own.server_cpu_us, bare.server_cpu_us.filter(|bare| *bare > 0.0)) {
        report.figure(&format!("{name}: server CPU / echo"), own / bare, "", "");
    }
}
