use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use sojourn_client::export_types::{ExportChunk, ExportedRecord, FileHeader};

use super::*;

const KEY: ExportKey = ExportKey([7; 32]);

fn chunk(bytes: &[u8]) -> ExportChunk {
    let record = ExportedRecord { state: bytes.to_vec().into(), ..ExportedRecord::default() };
    ExportChunk { records: vec![record], ..ExportChunk::default() }
}

fn written(chunks: &[ExportChunk]) -> Vec<u8> {
    let header = FileHeader { namespace: "shop".into(), began_at_ms: 5, ..FileHeader::default() };
    let mut file = ExportWriter::begin(Vec::new(), &KEY, header).unwrap();
    chunks.iter().for_each(|chunk| file.write(chunk).unwrap());
    file.finish().unwrap()
}

fn read(file: &[u8], key: &ExportKey) -> Result<(FileHeader, Vec<ExportChunk>), FileError> {
    let mut reader = ExportReader::begin(file, key)?;
    let mut chunks = Vec::new();
    while let Some(chunk) = reader.next()? {
        chunks.push(chunk);
    }
    Ok((reader.header, chunks))
}

/// Where each part begins: the header's end, then each chunk's.
fn ends(file: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 16;
    while at < file.len() {
        at += 4 + u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        ends.push(at);
    }
    ends
}

proptest! {
    #[test]
    fn files_round_trip(states in proptest::collection::vec(any::<Vec<u8>>(), 0..8)) {
        let chunks: Vec<_> = states.iter().map(|state| chunk(state)).collect();
        let (header, read) = read(&written(&chunks), &KEY).unwrap();
        prop_assert_eq!((header.namespace.as_str(), header.began_at_ms), ("shop", 5));
        prop_assert_eq!(read, chunks);
    }

    #[test]
    fn a_flipped_bit_is_found_wherever_it_is(place: prop::sample::Index, bit in 0..8_u8) {
        let mut file = written(&[chunk(b"one"), chunk(b"two")]);
        let place = place.index(file.len());
        file[place] ^= 1 << bit;
        prop_assert!(read(&file, &KEY).is_err());
    }

    #[test]
    fn a_cut_file_is_found_wherever_it_is_cut(place: prop::sample::Index) {
        let mut file = written(&[chunk(b"one"), chunk(b"two")]);
        file.truncate(place.index(file.len()));
        let cut = read(&file, &KEY);
        prop_assert!(matches!(cut, Err(FileError::Cut | FileError::Foreign)), "{cut:?}");
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        prop_assert!(read(&bytes, &KEY).is_err());
        prop_assert!(read(&[b"SOJOURN-EXPORT\x00\x01", &bytes[..]].concat(), &KEY).is_err());
    }
}

#[test]
fn chunks_cannot_be_left_out_swapped_repeated_or_put_in() {
    let file = written(&[chunk(b"one"), chunk(b"two"), chunk(b"thr")]);
    let ends = ends(&file);
    let part = |number: usize| &file[ends[number]..ends[number + 1]];
    let (head, last) = (&file[..ends[0]], part(3));
    let of = |parts: &[&[u8]]| read(&parts.concat(), &KEY).map(|(_, chunks)| chunks.len());
    assert!(matches!(of(&[head, part(0), part(1), part(2), last]), Ok(3)));
    assert!(matches!(of(&[head, part(0), part(2), last]), Err(FileError::Damaged)), "left out");
    assert!(matches!(of(&[head, part(1), part(0), part(2), last]), Err(FileError::Damaged)), "swapped");
    assert!(matches!(of(&[head, part(0), part(0), part(2), last]), Err(FileError::Damaged)), "repeated");
    assert!(matches!(of(&[head, part(0), part(1), part(2)]), Err(FileError::Cut)), "the end is missing");
    assert!(matches!(of(&[head, part(0), part(1), part(2), last, last]), Err(FileError::Damaged)), "more");
    let other = written(&[chunk(b"one"), chunk(b"two"), chunk(b"thr")]);
    let foreign = &other[ends[0]..ends[1]];
    assert!(
        matches!(of(&[head, foreign, part(1), part(2), last]), Err(FileError::Damaged)),
        "of another file"
    );
}

#[test]
fn a_wrong_key_another_version_and_other_files_are_told_apart() {
    let mut file = written(&[chunk(b"one")]);
    assert!(matches!(read(&file, &ExportKey([8; 32])), Err(FileError::WrongKey)));
    assert!(matches!(read(b"PK\x03\x04 something else", &KEY), Err(FileError::Foreign)));
    assert!(!file.windows(3).any(|bytes| bytes == b"one"), "what is in it cannot be read");
    file[15] = 2;
    assert!(matches!(read(&file, &KEY), Err(FileError::Version { found: 2, expected: 1 })));
    let mut huge = written(&[]);
    let at = ends(&huge)[0];
    huge[at] = 0xff;
    assert!(matches!(read(&huge, &KEY), Err(FileError::TooLong { .. })));
}

#[test]
fn a_key_file_is_made_once_and_only_for_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("export.key");
    ExportKey::create(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let key = ExportKey::read(&path).unwrap();
    assert_ne!(key.0, [0; 32]);
    assert!(matches!(ExportKey::create(&path), Err(FileError::Io(_))), "it is not overwritten");
    for text in ["", "secret-but-short", &"0g".repeat(32), &"+f".repeat(32)] {
        std::fs::write(&path, text).unwrap();
        assert!(matches!(ExportKey::read(&path), Err(FileError::MalformedKey)));
    }
}
