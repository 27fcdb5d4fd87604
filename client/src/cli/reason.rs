//! The machine-readable reason inside a gRPC status.

use prost::Message;

/// `google.rpc.Status`, as far as it is needed here.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<AnyDetail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct AnyDetail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`, as far as it is needed here.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
}

/// The reason of an error, for example `SESSION_REVOKED`; the name of its
/// status code if it carries none.
pub(crate) fn of(status: &tonic::Status) -> String {
    from_details(status.details()).unwrap_or_else(|| code_name(status.code()))
}

fn from_details(details: &[u8]) -> Option<String> {
    let status = RpcStatus::decode(details).ok()?;
    let info = status.details.iter().find(|any| any.type_url.ends_with("google.rpc.ErrorInfo"))?;
    let reason = ErrorInfo::decode(info.value.as_slice()).ok()?.reason;
    (!reason.is_empty()).then_some(reason)
}

fn code_name(code: tonic::Code) -> String {
    let mut name = String::new();
    for (index, letter) in format!("{code:?}").chars().enumerate() {
        if index > 0 && letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_comes_from_the_error_info() {
        let info = ErrorInfo { reason: "SESSION_REVOKED".into() };
        let any = AnyDetail {
            type_url: "type.googleapis.com/google.rpc.ErrorInfo".into(),
            value: info.encode_to_vec(),
        };
        let details = RpcStatus { details: vec![any] }.encode_to_vec();
        let status = tonic::Status::with_details(tonic::Code::FailedPrecondition, "ended", details.into());
        assert_eq!(of(&status), "SESSION_REVOKED");
    }

    #[test]
    fn without_details_the_code_is_the_reason() {
        assert_eq!(of(&tonic::Status::deadline_exceeded("late")), "DEADLINE_EXCEEDED");
        assert_eq!(of(&tonic::Status::not_found("no")), "NOT_FOUND");
    }
}
