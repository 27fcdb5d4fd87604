//! Writes the primitives of the encoding.

/// Bytes under construction.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) out: Vec<u8>,
}

impl Writer {
    pub(super) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    /// Seven bits a byte, the lowest first; the high bit says that more follow (LEB128).
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// The length, then the bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.raw(bytes);
    }

    /// The length with a flag in its lowest bit, then the name.
    pub(super) fn name(&mut self, name: &str, more: bool) {
        self.varint((name.len() as u64) << 1 | u64::from(more));
        self.raw(name.as_bytes());
    }

    /// Milliseconds after `base_ms` with a flag in the lowest bit, then the counter if it is not 0.
    pub(super) fn hlc(&mut self, hlc: u64, base_ms: u64) {
        let after_ms = (hlc >> 16).wrapping_sub(base_ms) & super::WALL_MASK;
        let counter = hlc & 0xffff;
        self.varint(after_ms << 1 | u64::from(counter != 0));
        if counter != 0 {
            self.varint(counter);
        }
    }
}
