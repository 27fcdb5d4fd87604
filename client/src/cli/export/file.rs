//! The format of a file.
//!
//! ```text
//! file   = "SOJOURN-EXPORT" version:2 length:4 FileHeader { length:4 sealed }
//! sealed = ExportChunk, sealed; the last one is empty
//! ```

use std::io::{Read, Write};

use prost::Message;
use sojourn_client::export_types::{ExportChunk, FileHeader};

use super::error::FileError;
use super::key::{ExportKey, random};
use super::seal::{Seal, TAG_BYTES, key_check};

const MAGIC: &[u8; 14] = b"SOJOURN-EXPORT";
const VERSION: u16 = 1;

/// Longest header, in bytes.
const HEADER_BYTES_MAX: usize = 4 * 1024;

/// Longest chunk as sealed, in bytes: well above what a node sends.
const CHUNK_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Writes a file, one chunk at a time.
pub(crate) struct ExportWriter<W> {
    out: W,
    seal: Seal,
}

impl<W: Write> ExportWriter<W> {
    /// Begins a file. Salt and key check of `header` are filled in here.
    pub(crate) fn begin(mut out: W, key: &ExportKey, mut header: FileHeader) -> Result<Self, FileError> {
        let salt = random();
        header.salt = bytes::Bytes::copy_from_slice(&salt);
        header.key_check = bytes::Bytes::copy_from_slice(&key_check(key, &salt));
        let encoded = header.encode_to_vec();
        let mut head = MAGIC.to_vec();
        head.extend(VERSION.to_be_bytes());
        head.extend(length(encoded.len(), HEADER_BYTES_MAX)?);
        head.extend(encoded);
        out.write_all(&head)?;
        Ok(Self { out, seal: Seal::new(key, &salt, &head)? })
    }

    /// Writes a chunk.
    pub(crate) fn write(&mut self, chunk: &ExportChunk) -> Result<(), FileError> {
        self.put(chunk.encode_to_vec(), false)
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> Result<W, FileError> {
        self.put(Vec::new(), true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self, chunk: Vec<u8>, is_last: bool) -> Result<(), FileError> {
        let sealed = self.seal.seal(chunk, is_last)?;
        self.out.write_all(&length(sealed.len(), CHUNK_BYTES_MAX)?)?;
        Ok(self.out.write_all(&sealed)?)
    }
}

/// Reads a file, one chunk at a time.
pub(crate) struct ExportReader<R> {
    from: R,
    seal: Seal,
    pub(crate) header: FileHeader,
    /// The length of the next chunk; none: there is none.
    next: Option<usize>,
}

impl<R: Read> ExportReader<R> {
    /// Reads the header.
    pub(crate) fn begin(mut from: R, key: &ExportKey) -> Result<Self, FileError> {
        let mut head = vec![0; MAGIC.len() + 2];
        from.read_exact(&mut head).map_err(|error| foreign_if_short(error.into()))?;
        let (magic, version) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(FileError::Foreign);
        }
        let found = version.iter().fold(0, |number, byte| number << 8 | u16::from(*byte));
        if found != VERSION {
            return Err(FileError::Version { found, expected: VERSION });
        }
        let bytes = next_length(&mut from, HEADER_BYTES_MAX)?.ok_or(FileError::Cut)?;
        let encoded = take(&mut from, bytes)?;
        head.extend(length(bytes, HEADER_BYTES_MAX)?);
        head.extend(&encoded);
        let header = FileHeader::decode(&encoded[..]).map_err(|_| FileError::Damaged)?;
        if header.key_check[..] != key_check(key, &header.salt) {
            return Err(FileError::WrongKey);
        }
        let seal = Seal::new(key, &header.salt, &head)?;
        let next = next_length(&mut from, CHUNK_BYTES_MAX)?;
        Ok(Self { from, seal, header, next })
    }

    /// The next chunk; none at the end of a whole file.
    pub(crate) fn next(&mut self) -> Result<Option<ExportChunk>, FileError> {
        let bytes = self.next.ok_or(FileError::Cut)?;
        if bytes < TAG_BYTES {
            return Err(FileError::Damaged);
        }
        let sealed = take(&mut self.from, bytes)?;
        self.next = next_length(&mut self.from, CHUNK_BYTES_MAX)?;
        let is_last = self.next.is_none();
        let chunk = self.seal.open(sealed, is_last)?;
        if is_last {
            return if chunk.is_empty() { Ok(None) } else { Err(FileError::Damaged) };
        }
        ExportChunk::decode(&chunk[..]).map(Some).map_err(|_| FileError::Damaged)
    }
}

fn length(bytes: usize, limit: usize) -> Result<[u8; 4], FileError> {
    let length = u32::try_from(bytes).ok().filter(|_| bytes <= limit);
    length.map(u32::to_be_bytes).ok_or(FileError::TooLong { limit, actual: bytes })
}

/// None at the end of the file.
fn next_length(from: &mut impl Read, limit: usize) -> Result<Option<usize>, FileError> {
    let mut bytes = Vec::with_capacity(4);
    from.by_ref().take(4).read_to_end(&mut bytes)?;
    match <[u8; 4]>::try_from(bytes) {
        Ok(length) => {
            let actual = u32::from_be_bytes(length) as usize;
            if actual > limit { Err(FileError::TooLong { limit, actual }) } else { Ok(Some(actual)) }
        }
        Err(none) if none.is_empty() => Ok(None),
        Err(_) => Err(FileError::Cut),
    }
}

fn take(from: &mut impl Read, bytes: usize) -> Result<Vec<u8>, FileError> {
    let mut read = vec![0; bytes];
    from.read_exact(&mut read).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => FileError::Cut,
        _ => error.into(),
    })?;
    Ok(read)
}

fn foreign_if_short(error: FileError) -> FileError {
    match error {
        FileError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => FileError::Foreign,
        error => error,
    }
}
