//! Messages that are bytes: the cheapest codec that gRPC can have.

use bytes::{Buf, BufMut, Bytes};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// The path of the unary echo.
pub(super) const UNARY_PATH: &str = "/sojourn.bench.Echo/Unary";
/// The path of the stream echo.
pub(super) const STREAM_PATH: &str = "/sojourn.bench.Echo/Stream";
/// The largest answer, in bytes.
pub(super) const ANSWER_BYTES_MAX: usize = 8 << 20;
/// A request begins with the size of its answer.
const HEADER_BYTES: usize = 4;

/// A request of so many bytes that asks for an answer of so many bytes.
pub(super) fn request(request_bytes: usize, answer_bytes: usize) -> Bytes {
    let answer_bytes = u32::try_from(answer_bytes.min(ANSWER_BYTES_MAX)).unwrap_or(0);
    let mut request = answer_bytes.to_le_bytes().to_vec();
    request.resize(request_bytes.max(HEADER_BYTES), 0x5a);
    request.into()
}

/// How large the answer to a request is to be.
pub(super) fn answer_bytes(request: &Bytes) -> usize {
    let header = request.first_chunk::<HEADER_BYTES>().copied().unwrap_or_default();
    (u32::from_le_bytes(header) as usize).min(ANSWER_BYTES_MAX)
}

/// Bytes as they are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_carries_the_size_of_its_answer() {
        let sent = request(100, 600);
        assert_eq!((sent.len(), answer_bytes(&sent)), (100, 600));
        assert_eq!(answer_bytes(&request(0, usize::MAX)), ANSWER_BYTES_MAX);
        assert_eq!(answer_bytes(&Bytes::from_static(b"abc")), 0);
    }
}
