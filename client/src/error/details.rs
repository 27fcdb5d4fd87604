//! The details of a gRPC status: `google.rpc.Status` in a trailer, of which
//! only `ErrorInfo` and `RetryInfo` are read
//! (github.com/googleapis/googleapis, google/rpc/error_details.proto).

use std::collections::BTreeMap;

use prost::Message;
use tonic::Status;

use super::Details;

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl Delay {
    fn as_ms(self) -> u32 {
        let ms = self.seconds.saturating_mul(1_000).saturating_add(i64::from(self.nanos) / 1_000_000);
        u32::try_from(ms.max(0)).unwrap_or(u32::MAX)
    }
}

/// What a status says; details that do not decode are left out.
pub(super) fn of(status: &Status) -> Details {
    let mut details = Details { message: status.message().to_owned(), ..Details::default() };
    for any in RpcStatus::decode(status.details()).unwrap_or_default().details {
        if any.type_url.ends_with("/google.rpc.ErrorInfo") {
            let info = ErrorInfo::decode(any.value.as_slice()).unwrap_or_default();
            (details.reason, details.metadata) = (info.reason, info.metadata);
        } else if any.type_url.ends_with("/google.rpc.RetryInfo") {
            let info = RetryInfo::decode(any.value.as_slice()).unwrap_or_default();
            details.retry_after_ms = info.retry_delay.map_or(0, Delay::as_ms);
        }
    }
    details
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn reason_metadata_and_delay_are_read() {
        let info = ErrorInfo {
            reason: "LIMIT_EXCEEDED".into(),
            metadata: BTreeMap::from([("field".into(), "value".into())]),
        };
        let retry = RetryInfo { retry_delay: Some(Delay { seconds: 1, nanos: 5_000_000 }) };
        let any =
            |name: &str, value| Any { type_url: format!("type.googleapis.com/google.rpc.{name}"), value };
        let details = vec![any("ErrorInfo", info.encode_to_vec()), any("RetryInfo", retry.encode_to_vec())];
        let bytes = RpcStatus { details }.encode_to_vec();
        let read = of(&Status::with_details(Code::ResourceExhausted, "too large", bytes.into()));
        assert_eq!((read.reason.as_str(), read.retry_after_ms), ("LIMIT_EXCEEDED", 1_005));
        assert_eq!(read.metadata["field"], "value");
    }

    #[test]
    fn garbage_is_left_out() {
        let read = of(&Status::with_details(Code::Internal, "m", vec![0xff; 9].into()));
        assert_eq!(read, Details { message: "m".into(), ..Details::default() });
    }
}
