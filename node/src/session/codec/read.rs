//! Reads the primitives of the encoding, and refuses any but the canonical form.

use bytes::Bytes;

use super::DecodeError;

const LEN_MAX: &str = "a length beyond the record";

/// A position in a record.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    record: &'a Bytes,
    at: usize,
    items_left: usize,
    items_max: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(record: &'a Bytes, items_max: usize) -> Self {
        Self { record, at: 0, items_left: items_max, items_max }
    }

    /// How many bytes were read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Counts one more item against the limit, before room is made for it.
    pub(crate) fn item(&mut self) -> Result<(), DecodeError> {
        let too_many =
            DecodeError::TooLarge { what: "items", limit: self.items_max, actual: self.items_max + 1 };
        self.items_left = self.items_left.checked_sub(1).ok_or(too_many)?;
        Ok(())
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        let byte = *self.record.get(self.at).ok_or(DecodeError::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, DecodeError> {
        // Most numbers take one byte.
        match self.record.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0;
        let mut shift = 0;
        while shift < 64 {
            let byte = self.byte()?;
            if byte == 0 && shift > 0 || shift == 63 && byte > 1 {
                return Err(DecodeError::Malformed("a number that is not in its shortest form"));
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
        Err(DecodeError::Malformed("a number beyond 64 bits"))
    }

    pub(crate) fn usize(&mut self) -> Result<usize, DecodeError> {
        usize::try_from(self.varint()?).map_err(|_| DecodeError::Malformed(LEN_MAX))
    }

    fn raw(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(len).ok_or(DecodeError::Malformed(LEN_MAX))?;
        let bytes = self.record.get(self.at..end).ok_or(DecodeError::Truncated)?;
        self.at = end;
        Ok(bytes)
    }

    /// Bytes of a known length, shared with the record.
    pub(crate) fn shared(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        let bytes = self.raw(len)?;
        Ok(self.record.slice_ref(bytes))
    }

    /// Bytes of a length that is known when this is compiled.
    pub(crate) fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], DecodeError> {
        self.raw(LEN)?.try_into().map_err(|_| DecodeError::Truncated)
    }

    /// A length, then bytes, shared with the record.
    pub(crate) fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        let len = self.usize()?;
        self.shared(len)
    }

    fn text(&mut self, len: usize) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.raw(len)?).map_err(|_| DecodeError::Malformed("text that is not UTF-8"))
    }

    /// A length, then text.
    pub(crate) fn str(&mut self) -> Result<&'a str, DecodeError> {
        let len = self.usize()?;
        self.text(len)
    }

    /// A name and whether another one follows it.
    pub(crate) fn name(&mut self) -> Result<(&'a str, bool), DecodeError> {
        let head = self.usize()?;
        Ok((self.text(head >> 1)?, head & 1 == 1))
    }

    /// See [`super::write::Writer::hlc`].
    pub(crate) fn hlc(&mut self, base_ms: u64) -> Result<u64, DecodeError> {
        let head = self.varint()?;
        let after_ms = head >> 1;
        let counter = if head & 1 == 1 { self.varint()? } else { 0 };
        if after_ms > super::WALL_MASK || counter > 0xffff || (head & 1 == 1) != (counter != 0) {
            return Err(DecodeError::Malformed("a stamp out of range"));
        }
        Ok((base_ms.wrapping_add(after_ms) & super::WALL_MASK) << 16 | counter)
    }

    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        if self.at == self.record.len() { Ok(()) } else { Err(DecodeError::Malformed("bytes after the end")) }
    }
}
