//! `sojourn namespace`.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use serde_json::json;
use sojourn_client::export_types::{ExportChunk, FileHeader, ImportResponse};
use sojourn_client::{Client, Export};

use crate::cli::args::{CopyArgs, ExportArgs, ImportArgs, NamespaceCommand};
use crate::cli::bench::progress::Progress;
use crate::cli::cluster::{ClusterState, client};
use crate::cli::error::CliError;
use crate::cli::export::{ExportKey, ExportReader, ExportWriter, FileError};
use crate::cli::host;
use crate::cli::output::{Output, Table};
use crate::cli::utc::utc;

/// Makes a key, exports or imports.
pub(crate) async fn run(data: &Path, command: NamespaceCommand, output: &Output) -> Result<(), CliError> {
    match command {
        NamespaceCommand::Key { out } => {
            ExportKey::create(&out).map_err(|error| of_file("cannot make the key file", &out, error))?;
            output.line(format!("{} is made; whoever has it can read what is sealed with it", out.display()));
            output.json(&json!({ "key_file": out }));
            Ok(())
        }
        NamespaceCommand::Export(args) => export(data, args, output).await,
        NamespaceCommand::Import(args) => import(data, args, output).await,
    }
}

async fn export(data: &Path, args: ExportArgs, output: &Output) -> Result<(), CliError> {
    let key = read_key(&args.copy.key_file)?;
    let client = args.copy.client(data).await?;
    let mut export = client.export(&args.namespace);
    let broken = |error| of_file("cannot write", &args.out, error);
    // Beside the file, and given its name once it is whole.
    let dir = args.out.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = tempfile::NamedTempFile::new_in(dir)
        .map_err(|error| CliError::file("cannot write into", dir, error))?;
    let first = export.next().await?.unwrap_or_default();
    let header = FileHeader {
        namespace: args.namespace.clone(),
        began_at_ms: host::unix_ms(),
        lineage: first.lineage.clone(),
        fingerprint: first.fingerprint.clone(),
        ..FileHeader::default()
    };
    let mut file = ExportWriter::begin(BufWriter::new(part), &key, header).map_err(broken)?;
    let (records, incomplete) =
        write_all(&mut export, first, &mut file, output).await.map_err(|error| match error {
            WriteError::Cluster(error) => error.into(),
            WriteError::File(error) => broken(error),
        })?;
    let part =
        file.finish().map_err(broken)?.into_inner().map_err(|error| broken(error.into_error().into()))?;
    part.as_file().sync_all().map_err(|error| broken(error.into()))?;
    part.persist_noclobber(&args.out).map_err(|error| broken(error.error.into()))?;
    output.line(format!("{records} records of {} are in {}", args.namespace, args.out.display()));
    if incomplete > 0 {
        output.note(format!(
            "{incomplete} sessions are left out: the nodes asked hold only a part of them; try again"
        ));
    }
    output.json(&json!({ "namespace": args.namespace, "records": records, "incomplete": incomplete }));
    Ok(())
}

impl CopyArgs {
    async fn client(&self, data: &Path) -> Result<Client, CliError> {
        client(&ClusterState::read(data)?, self.region.as_deref(), self.timeout).await
    }
}

enum WriteError {
    Cluster(sojourn_client::Error),
    File(FileError),
}

async fn write_all<W: std::io::Write>(
    export: &mut Export,
    first: ExportChunk,
    file: &mut ExportWriter<W>,
    output: &Output,
) -> Result<(u64, u64), WriteError> {
    let progress = Progress::new(output);
    let (mut records, mut incomplete) = (0, 0);
    let mut next = Some(first);
    while let Some(chunk) = next {
        records += chunk.records.len() as u64;
        incomplete += chunk.incomplete;
        if !chunk.records.is_empty() {
            file.write(&chunk).map_err(WriteError::File)?;
        }
        let (done, all) = export.progress();
        progress.step(format!("partition {done} of {all}, {records} records"));
        next = export.next().await.map_err(WriteError::Cluster)?;
    }
    Ok((records, incomplete))
}

async fn import(data: &Path, args: ImportArgs, output: &Output) -> Result<(), CliError> {
    let key = read_key(&args.copy.key_file)?;
    // All of it is looked through first, so that a damaged file changes nothing.
    let mut file = open(&args.file, &key)?;
    let mut records_all = 0;
    while let Some(chunk) = next(&args.file, &mut file)? {
        records_all += chunk.records.len() as u64;
    }
    let client = args.copy.client(data).await?;
    let mut file = open(&args.file, &key)?;
    let header = file.header.clone();
    output.note(format!("{} was exported at {}", header.namespace, utc(header.began_at_ms)));
    let taken = merge_all(&client, &header, || next(&args.file, &mut file), records_all, output).await?;
    show(&header, &taken, output);
    Ok(())
}

async fn merge_all(
    client: &Client,
    header: &FileHeader,
    mut next: impl FnMut() -> Result<Option<ExportChunk>, CliError>,
    records_all: u64,
    output: &Output,
) -> Result<ImportResponse, CliError> {
    let progress = Progress::new(output);
    let (mut sum, mut records) = (ImportResponse::default(), 0);
    while let Some(mut chunk) = next()? {
        records += chunk.records.len() as u64;
        (chunk.lineage, chunk.fingerprint) = (header.lineage.clone(), header.fingerprint.clone());
        sum.add(&client.import(&header.namespace, chunk).await?);
        progress.step(format!("{records} of {records_all} records"));
    }
    Ok(sum)
}

fn show(header: &FileHeader, taken: &ImportResponse, output: &Output) {
    let counts = [
        ("merged", taken.merged, "new here, or changed"),
        ("unchanged", taken.unchanged, "all of it was here already"),
        ("ended", taken.ended, "ended here, and stays so"),
        ("expired", taken.expired, "its time is over"),
        ("conflicting", taken.conflicting, "this cluster has one of its own, which stays"),
        ("refused", taken.refused, "malformed, or beyond the limits of the nodes"),
    ];
    let mut table = Table::new(["RECORDS", "COUNT", ""]);
    for (name, count, meaning) in counts {
        table.row([name.to_owned(), count.to_string(), meaning.to_owned()]);
    }
    output.table(&table);
    let mut json = json!({ "namespace": header.namespace });
    for (name, count, _) in counts {
        json[name] = count.into();
    }
    output.json(&json);
}

fn read_key(path: &Path) -> Result<ExportKey, CliError> {
    ExportKey::read(path).map_err(|error| of_file("cannot use the key file", path, error))
}

type Reader = ExportReader<BufReader<File>>;

fn open(path: &Path, key: &ExportKey) -> Result<Reader, CliError> {
    let file = File::open(path).map_err(|error| CliError::file("cannot read", path, error))?;
    ExportReader::begin(BufReader::new(file), key).map_err(|error| of_file("cannot import", path, error))
}

fn next(path: &Path, file: &mut Reader) -> Result<Option<ExportChunk>, CliError> {
    file.next().map_err(|error| of_file("cannot import", path, error))
}

fn of_file(what: &str, path: &Path, error: FileError) -> CliError {
    match error {
        FileError::Io(error) => CliError::file(what, path, error),
        error => CliError::Failed(format!("{what} {}: {error}", path.display())),
    }
}
