//! Little-endian base-128 numbers (LEB128) for what the engine keeps on disk.

use bytes::Bytes;

use crate::session::{Key, Origin, ReplicaId, VersionVector};

/// The bytes end early, or say something impossible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed bytes")]
pub(super) struct Malformed;

pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number as u8 & 0x7f) | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn put_origin(out: &mut Vec<u8>, origin: Origin) {
    put_number(out, u64::from(origin.replica.0));
    put_number(out, u64::from(origin.incarnation));
}

pub(super) fn put_vector(out: &mut Vec<u8>, vector: &VersionVector) {
    put_number(out, vector.dots.len() as u64);
    for (origin, seq) in &vector.dots {
        put_origin(out, *origin);
        put_number(out, *seq);
    }
}

/// Takes values off the front of some bytes; never reads past their end.
pub(super) struct Reader {
    rest: Bytes,
}

impl Reader {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.rest.first().ok_or(Malformed)?;
        drop(self.rest.split_to(1));
        Ok(byte)
    }

    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0u64;
        for (position, byte) in self.rest.iter().enumerate().take(10) {
            let part = u64::from(byte & 0x7f);
            if position == 9 && part > 1 {
                return Err(Malformed);
            }
            number |= part << (7 * position);
            if byte & 0x80 == 0 {
                drop(self.rest.split_to(position + 1));
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        self.take(length)
    }

    pub(super) fn key(&mut self) -> Result<Key, Malformed> {
        let bytes = self.take(16)?;
        Ok(Key(bytes.as_ref().try_into().map_err(|_| Malformed)?))
    }

    pub(super) fn origin(&mut self) -> Result<Origin, Malformed> {
        let replica = u16::try_from(self.number()?).map_err(|_| Malformed)?;
        let incarnation = u32::try_from(self.number()?).map_err(|_| Malformed)?;
        Ok(Origin { replica: ReplicaId(replica), incarnation })
    }

    pub(super) fn vector(&mut self) -> Result<VersionVector, Malformed> {
        let mut vector = VersionVector::new();
        for _ in 0..self.number()? {
            let origin = self.origin()?;
            vector.dots.insert(origin, self.number()?);
        }
        Ok(vector)
    }

    fn take(&mut self, length: usize) -> Result<Bytes, Malformed> {
        if length > self.rest.len() {
            return Err(Malformed);
        }
        Ok(self.rest.split_to(length))
    }
}
