//! The directory of a store: who has it open, and which database in it counts.
//!
//! ```text
//! LOCK          locked while a process has the store open
//! CURRENT       the format, and the name of the database that counts
//! db-00000001/  that database, by sled
//! ```
//!
//! `CURRENT` changes only by renaming a complete, synced file over it. A
//! database that it does not name is an unfinished copy, or one already copied,
//! and is removed at the next start.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::super::StoreError;
use super::database::io;

const FORMAT: &str = "sojourn store format 1";
const LOCK: &str = "LOCK";
const CURRENT: &str = "CURRENT";
const CURRENT_NEXT: &str = "CURRENT.next";
const DATABASE_PREFIX: &str = "db-";

/// A directory that this process has locked.
pub(super) struct Directory {
    path: PathBuf,
    current: Mutex<u32>,
    // Held for its lock, which the system drops with the process, however that ends.
    _lock: File,
}

impl Directory {
    /// Locks the directory, and prepares one that is empty or missing.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(path).map_err(io("creating the data directory"))?;
        check_not_foreign(path)?;
        let lock = lock(path)?;
        let current = match read_current(path)? {
            Some(number) => number,
            None => {
                write_current(path, 1)?;
                1
            }
        };
        let directory = Self { path: path.to_owned(), current: Mutex::new(current), _lock: lock };
        // Only the first database is ever named before it exists.
        if current != 1 && !directory.current().join("db").exists() {
            let detail = format!("the database that {CURRENT} names is missing in {}", path.display());
            return Err(StoreError::Unusable { detail });
        }
        Ok(directory)
    }

    /// The database that counts.
    pub(super) fn current(&self) -> PathBuf {
        self.database(*self.current.lock())
    }

    /// A place for the next database, with nothing there.
    pub(super) fn prepare_next(&self) -> Result<PathBuf, StoreError> {
        let next = self.database(self.current.lock().saturating_add(1));
        remove_directory(&next)?;
        Ok(next)
    }

    /// Makes the next database the one that counts: after this no crash brings the old one back.
    pub(super) fn promote_next(&self) -> Result<(), StoreError> {
        let mut current = self.current.lock();
        let next = current.saturating_add(1);
        write_current(&self.path, next)?;
        *current = next;
        Ok(())
    }

    /// Removes every database but the one that counts.
    pub(super) fn remove_leftovers(&self) -> Result<(), StoreError> {
        let current = self.current();
        for entry in fs::read_dir(&self.path).map_err(io("listing the data directory"))? {
            let entry = entry.map_err(io("listing the data directory"))?;
            let is_database = entry.file_name().to_string_lossy().starts_with(DATABASE_PREFIX);
            if is_database && entry.path() != current {
                remove_directory(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Bytes that the files take.
    pub(super) fn bytes(&self) -> Result<u64, StoreError> {
        directory_bytes(&self.path).map_err(io("measuring the data directory"))
    }

    fn database(&self, number: u32) -> PathBuf {
        self.path.join(format!("{DATABASE_PREFIX}{number:08}"))
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = File::options().create(true).truncate(false).write(true).open(path.join(LOCK));
    let file = file.map_err(io("opening the lock file"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Unusable {
            detail: format!(
                "another process has {} open; each node needs a directory of its own",
                path.display()
            ),
        }),
        Err(TryLockError::Error(error)) => Err(io("locking the data directory")(error)),
    }
}

/// A directory without `CURRENT` must hold nothing that could be somebody's data.
fn check_not_foreign(path: &Path) -> Result<(), StoreError> {
    if path.join(CURRENT).exists() {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(io("listing the data directory"))? {
        let name = entry.map_err(io("listing the data directory"))?.file_name();
        if name != LOCK && name != CURRENT_NEXT {
            let detail = format!(
                "{} holds {name:?} but no file {CURRENT}, so it is no store; allowed is a store or an empty directory",
                path.display()
            );
            return Err(StoreError::Unusable { detail });
        }
    }
    Ok(())
}

fn read_current(path: &Path) -> Result<Option<u32>, StoreError> {
    let text = match fs::read_to_string(path.join(CURRENT)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("reading which database counts")(error)),
    };
    let mut lines = text.lines();
    let format = lines.next().unwrap_or_default();
    if format != FORMAT {
        let detail =
            format!("the format in {} is {format:?}, allowed is {FORMAT:?}", path.join(CURRENT).display());
        return Err(StoreError::Unusable { detail });
    }
    let number = lines.next().and_then(|name| name.strip_prefix(DATABASE_PREFIX)?.parse().ok());
    number.map(Some).ok_or_else(|| StoreError::Corrupt {
        place: path.join(CURRENT).display().to_string(),
        detail: "it names no database".to_owned(),
    })
}

fn write_current(path: &Path, number: u32) -> Result<(), StoreError> {
    let write = || {
        let mut next = File::create(path.join(CURRENT_NEXT))?;
        write!(next, "{FORMAT}\n{DATABASE_PREFIX}{number:08}\n")?;
        next.sync_all()?;
        fs::rename(path.join(CURRENT_NEXT), path.join(CURRENT))?;
        File::open(path)?.sync_all()
    };
    write().map_err(io("naming the database that counts"))
}

fn remove_directory(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io("removing an old database")(error)),
        _ => Ok(()),
    }
}

fn directory_bytes(path: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        // Files come and go while they are listed.
        let Ok(metadata) = entry.as_ref().map_err(|_| ()).and_then(|entry| entry.metadata().map_err(|_| ()))
        else {
            continue;
        };
        bytes += match entry {
            Ok(entry) if metadata.is_dir() => directory_bytes(&entry.path()).unwrap_or(0),
            _ => metadata.len(),
        };
    }
    Ok(bytes)
}
