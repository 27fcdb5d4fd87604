//! `sojourn archive`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sojourn_client::{Watch, WatchEvent, WatchKind};

use super::feed;
use crate::cli::args::ArchiveArgs;
use crate::cli::error::CliError;
use crate::cli::output::Output;

/// How often the place is kept while nothing ends.
const CURSOR_INTERVAL: Duration = Duration::from_secs(10);

/// Writes ended sessions into files until Ctrl-C, or a number of them.
pub(crate) async fn run(data: &Path, args: ArchiveArgs, output: &Output) -> Result<(), CliError> {
    std::fs::create_dir_all(&args.dir).map_err(|error| CliError::file("cannot make", &args.dir, error))?;
    let cursor_file = args.dir.join("cursor");
    let client = feed::connect(data, &args.source).await?;
    let mut call = client.watch(&args.source.namespace).final_state();
    if let Some(cursor) = feed::read_cursor(&cursor_file)? {
        call = call.from_cursor(cursor);
    }
    let mut watch = call.await?;
    feed::write_cursor(&cursor_file, &watch.cursor())?;
    let mut files = Files::open(&args.dir, args.file_bytes_max)?;
    output.note(format!("archiving {} into {}; Ctrl-C ends it", args.source.namespace, args.dir.display()));
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(events) = next(&mut watch).await? else { break };
        let mut written = 0;
        for event in events.iter().filter(|event| is_kept(event)) {
            files.write(&feed::to_json(event).to_string())?;
            written += u64::from(!matches!(event.kind, WatchKind::Missed { .. }));
        }
        // First what was told, then that it was.
        files.sync()?;
        feed::write_cursor(&cursor_file, &watch.cursor())?;
        left = left.saturating_sub(written);
    }
    Ok(())
}

/// The next events; none of them after a while without any; nothing after Ctrl-C.
async fn next(watch: &mut Watch) -> Result<Option<Vec<WatchEvent>>, CliError> {
    tokio::select! {
        events = watch.next() => Ok(events.transpose()?),
        () = tokio::time::sleep(CURSOR_INTERVAL) => Ok(Some(Vec::new())),
        _ = tokio::signal::ctrl_c() => Ok(None),
    }
}

fn is_kept(event: &WatchEvent) -> bool {
    matches!(event.kind, WatchKind::Revoked { .. } | WatchKind::Expired { .. } | WatchKind::Missed { .. })
}

/// The files of an archive, of which the last one is written.
struct Files {
    dir: PathBuf,
    bytes_max: u64,
    number: u32,
    file: File,
    bytes: u64,
}

impl Files {
    /// Goes on with the last file, whose last line may be torn: then it is ended.
    fn open(dir: &Path, bytes_max: u64) -> Result<Self, CliError> {
        let failed = |error| CliError::file("cannot open the archive in", dir, error);
        let number = last_number(dir).map_err(failed)?.max(1);
        let (file, bytes) = append(dir, number).map_err(failed)?;
        let mut files = Self { dir: dir.to_owned(), bytes_max, number, file, bytes };
        if files.is_torn().map_err(failed)? {
            files.put("\n").map_err(failed)?;
        }
        Ok(files)
    }

    fn is_torn(&self) -> io::Result<bool> {
        let content = std::fs::read(path(&self.dir, self.number))?;
        Ok(content.last().is_some_and(|last| *last != b'\n'))
    }

    fn write(&mut self, line: &str) -> Result<(), CliError> {
        let bytes = line.len() as u64 + 1;
        let written = (|| {
            if self.bytes > 0 && self.bytes + bytes > self.bytes_max {
                self.file.sync_data()?;
                self.number += 1;
                (self.file, self.bytes) = append(&self.dir, self.number)?;
            }
            self.put(&format!("{line}\n"))
        })();
        written.map_err(|error| CliError::file("cannot write into", &self.dir, error))
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        self.bytes += text.len() as u64;
        self.file.write_all(text.as_bytes())
    }

    fn sync(&self) -> Result<(), CliError> {
        self.file.sync_data().map_err(|error| CliError::file("cannot sync", &self.dir, error))
    }
}

fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("ended-{number:06}.jsonl"))
}

fn append(dir: &Path, number: u32) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path(dir, number))?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

fn last_number(dir: &Path) -> io::Result<u32> {
    let mut last = 0;
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("ended-")?.strip_suffix(".jsonl"));
        last = last.max(number.and_then(|number| number.parse().ok()).unwrap_or(0));
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_bounded_and_the_last_one_is_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Files::open(dir.path(), 25).unwrap();
        for line in ["0123456789", "0123456789", "0123456789", &"x".repeat(40), "y"] {
            files.write(line).unwrap();
        }
        files.sync().unwrap();
        drop(files);
        let sizes = |dir: &Path| -> Vec<u64> {
            (1..).map_while(|number| Some(std::fs::metadata(path(dir, number)).ok()?.len())).collect()
        };
        assert_eq!(sizes(dir.path()), [22, 11, 41, 2]);
        std::fs::write(path(dir.path(), 4), "y\ntorn").unwrap();
        let mut files = Files::open(dir.path(), 25).unwrap();
        files.write("z").unwrap();
        assert_eq!(std::fs::read_to_string(path(dir.path(), 4)).unwrap(), "y\ntorn\nz\n");
    }
}
