//! One sled database in one directory, and what sled 0.34 leaves to its user.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::super::StoreError;
/// Of each segment, a quarter is the most that sled keeps within its log; what
/// is larger goes to a file of its own that sled never syncs. `layout` cuts
/// values so that no page gets there.
pub(super) const SEGMENT_BYTES: usize = 2 << 20;

/// A database that was just closed may be held by sled's own threads a little longer.
const OPEN_ATTEMPTS_MAX: u32 = 200;
const OPEN_RETRY_MS: u64 = 25;

/// One open sled database.
pub(super) struct Database {
    db: sled::Db,
    file: File,
}

impl Database {
    /// Opens or creates the database and makes its files last.
    pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::LowSpace)
            .segment_size(SEGMENT_BYTES)
            .flush_every_ms(None);
        let db = open_patiently(&config)?;
        let file = File::open(path.join("db")).map_err(io("opening the database file"))?;
        let database = Self { db, file };
        database.sync()?;
        sync_directory(path)?;
        Ok(database)
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        self.db.get(key).map_err(sled_error("reading"))
    }

    /// Entries with `from <= key < to`, from both ends.
    pub(super) fn range(
        &self,
        from: Vec<u8>,
        to: Vec<u8>,
    ) -> impl DoubleEndedIterator<Item = Result<(sled::IVec, sled::IVec), StoreError>> {
        self.db.range(from..to).map(|entry| entry.map_err(sled_error("scanning")))
    }

    /// Writes all or nothing.
    pub(super) fn apply<'a>(
        &self,
        writes: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.db.apply_batch(batch).map_err(sled_error("writing"))
    }

    /// Makes everything applied so far survive a power loss.
    ///
    /// On Linux, sled's flush ends in `sync_file_range`, which writes the pages
    /// but neither the file's size nor the disk's own cache; `sync_data` does.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(sled_error("flushing"))?;
        self.file.sync_data().map_err(io("syncing"))
    }
}

/// sled syncs neither its settings nor the directories that name its files.
fn sync_directory(path: &Path) -> Result<(), StoreError> {
    for name in ["conf", "db", "blobs", ".", ".."] {
        let file = File::open(path.join(name)).map_err(io("opening a database file"))?;
        file.sync_all().map_err(io("syncing a database file"))?;
    }
    Ok(())
}

fn open_patiently(config: &sled::Config) -> Result<sled::Db, StoreError> {
    let mut attempts = 1;
    loop {
        match config.open() {
            Ok(db) => return Ok(db),
            Err(error) if attempts < OPEN_ATTEMPTS_MAX && error.to_string().contains("acquire lock") => {
                attempts += 1;
                thread::sleep(Duration::from_millis(OPEN_RETRY_MS));
            }
            Err(error) => return Err(sled_error("opening the database")(error)),
        }
    }
}

/// Says what was being done when the system refused.
pub(super) fn io(doing: &'static str) -> impl Fn(std::io::Error) -> StoreError {
    move |error| StoreError::Io { doing, detail: error.to_string() }
}

fn sled_error(doing: &'static str) -> impl Fn(sled::Error) -> StoreError {
    move |error| match error {
        sled::Error::Io(error) => io(doing)(error),
        sled::Error::Unsupported(detail) => StoreError::Unusable { detail },
        error => {
            StoreError::Corrupt { place: format!("the database while {doing}"), detail: error.to_string() }
        }
    }
}
