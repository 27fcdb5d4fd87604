//! Session ids, namespaces and reasons: minting and validation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::status::{Failure, Reason};
use crate::env::{Rng, SharedRng};
use crate::security::identity::valid_name;
use crate::session::secret::SECRET_BYTES;

/// Bytes of randomness in a minted id: 256 bits, 43 characters.
const ID_BYTES: usize = 32;

/// Longest session id, in bytes, without the secret of a rotation.
const ID_BYTES_MAX: usize = 256;

/// Shortest adopted id, in bytes: 22 characters of base64 hold 128 bits.
const ADOPTED_ID_BYTES_MIN: usize = 22;

/// Longest name of a principal, in bytes: as long as a login may be by default (`session.auth_bytes_max`).
const PRINCIPAL_BYTES_MAX: usize = 4_096;
/// Between the first id of a session and the secret of a rotation. No first id has it: it
/// is not in base64url, and adopted ids must not contain it.
const SEPARATOR: char = '~';

/// An id that a caller shows: `<first id>`, or `<first id>~<secret in base64url>`.
#[derive(Clone, Copy)]
pub(super) struct ShownId<'a> {
    /// Finds the session.
    pub(super) first: &'a str,
    /// Must be that of its last rotation.
    pub(super) secret: Option<[u8; SECRET_BYTES]>,
}

/// Longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 64;

const NAME_ALLOWED: &str = "1 to 64 characters of [a-z0-9_.-]";

/// Draws a new session id.
#[must_use]
pub(super) fn mint(rng: &SharedRng) -> String {
    let bytes: [u8; ID_BYTES] = rng.with(|rng| rng.random());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Checks a namespace.
pub(super) fn check_namespace(namespace: &str) -> Result<(), Failure> {
    if valid_name(namespace) { Ok(()) } else { Err(Failure::field("namespace", NAME_ALLOWED)) }
}

/// Checks the principal that a call is about.
pub(super) fn check_principal(principal: &str) -> Result<(), Failure> {
    if (1..=PRINCIPAL_BYTES_MAX).contains(&principal.len()) {
        return Ok(());
    }
    Err(Failure::field("principal", "1 to 4096 bytes").with("actual", principal.len()))
}

/// Checks the reason of a revocation.
pub(super) fn check_reason(reason: &str) -> Result<(), Failure> {
    if valid_name(reason) { Ok(()) } else { Err(Failure::field("reason", NAME_ALLOWED)) }
}

/// Reads an id that a caller shows. The id itself never appears in the failure.
pub(super) fn parse(id: &str) -> Result<ShownId<'_>, Failure> {
    let Some((first, secret)) = id.split_once(SEPARATOR) else {
        check_characters("session_id", id, 1)?;
        return Ok(ShownId { first: id, secret: None });
    };
    check_characters("session_id", first, 1)?;
    let secret = URL_SAFE_NO_PAD.decode(secret).ok().and_then(|secret| secret.try_into().ok());
    let allowed = "an id from an answer: behind `~` there are 22 characters of base64url";
    let secret = secret.ok_or_else(|| Failure::field("session_id", allowed))?;
    Ok(ShownId { first, secret: Some(secret) })
}

/// The id that a rotation gives out.
#[must_use]
pub(super) fn rotated(first: &str, secret: &[u8; SECRET_BYTES]) -> String {
    format!("{first}{SEPARATOR}{}", URL_SAFE_NO_PAD.encode(secret))
}

/// Checks an id that a caller brings.
pub(super) fn check_adopted_id(id: &str, allowed: bool) -> Result<(), Failure> {
    if !allowed {
        let message = "this node does not take ids minted elsewhere (api.adopted_ids_allowed); \
                       leave adopted_session_id empty";
        return Err(Failure::new(Reason::AdoptedIdRefused, message).with("field", "adopted_session_id"));
    }
    check_characters("adopted_session_id", id, ADOPTED_ID_BYTES_MIN)
}

/// Checks an idempotency key.
pub(super) fn check_idempotency_key(key: &[u8]) -> Result<(), Failure> {
    if key.len() <= IDEMPOTENCY_KEY_BYTES_MAX {
        return Ok(());
    }
    Err(Failure::field("options.idempotency_key", "at most 64 bytes").with("actual", key.len()))
}

fn check_characters(field: &str, id: &str, least: usize) -> Result<(), Failure> {
    let valid = (least..=ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != SEPARATOR as u8);
    if valid {
        return Ok(());
    }
    Err(Failure::field(
        field,
        &format!("{least} to {ID_BYTES_MAX} visible ASCII characters without `{SEPARATOR}`"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_are_valid_and_differ() {
        let rng = SharedRng::from_seed(1);
        let (one, two) = (mint(&rng), mint(&rng));
        assert_eq!(one.len(), 43);
        assert_ne!(one, two);
        assert!(parse(&one).is_ok() && check_adopted_id(&one, true).is_ok());
    }

    #[test]
    fn a_rotated_id_is_the_first_one_and_a_secret() {
        let first = mint(&SharedRng::from_seed(1));
        let id = rotated(&first, &[0xfe; 16]);
        assert_eq!(id.len(), 66);
        let shown = parse(&id).unwrap_or_else(|_| panic!("refused"));
        assert_eq!((shown.first, shown.secret), (first.as_str(), Some([0xfe; 16])));
        assert!(parse(&first).is_ok_and(|shown| shown.secret.is_none()));
        assert!(check_adopted_id(&id, true).is_err(), "an adopted id cannot look like a rotated one");
    }

    #[test]
    fn bad_ids_are_refused_without_showing_them() {
        let short = format!("first~{}", "A".repeat(21));
        let other_form = format!("first~{}B", "A".repeat(21));
        let twice = format!("first~{}~{}", "A".repeat(22), "A".repeat(22));
        let no_first = format!("~{}", "A".repeat(22));
        let rotated = [short.as_str(), &other_form, &twice, &no_first, "first~", "~"];
        let plain = ["", "with space", "tab\t", "ümlaut", &"x".repeat(257)];
        for id in plain.into_iter().chain(rotated) {
            let Err(failure) = parse(id) else { panic!("taken: {id}") };
            let error = failure.into_error();
            assert_eq!(error.reason, "INVALID_FIELD");
            assert_eq!(error.metadata["field"], "session_id");
            assert!(id.len() < 2 || !format!("{error:?}").contains(id));
        }
    }

    #[test]
    fn whoever_can_log_in_can_be_named() {
        let longest = crate::session::SessionLimits::default().auth_bytes_max;
        assert!(check_principal(&"x".repeat(longest)).is_ok());
        for wrong in ["", &"x".repeat(longest + 1)] {
            let error = check_principal(wrong).unwrap_err().into_error();
            assert_eq!(
                (error.reason.as_str(), error.metadata["field"].as_str()),
                ("INVALID_FIELD", "principal")
            );
        }
    }

    #[test]
    fn adopted_ids_need_permission_and_length() {
        let reason = |id: &str, allowed| check_adopted_id(id, allowed).unwrap_err().reason();
        assert_eq!(reason(&"x".repeat(43), false), Reason::AdoptedIdRefused);
        assert_eq!(reason("short", true), Reason::InvalidField);
    }

    #[test]
    fn namespaces_reasons_and_idempotency_keys_are_checked() {
        assert!(check_namespace("shop.eu_1-a").is_ok() && check_reason("logout").is_ok());
        for bad in ["", "Shop", "a b", &"a".repeat(65)] {
            assert_eq!(check_namespace(bad).unwrap_err().into_error().metadata["field"], "namespace");
            assert_eq!(check_reason(bad).unwrap_err().into_error().metadata["field"], "reason");
        }
        assert!(check_idempotency_key(&[0; 64]).is_ok());
        assert!(check_idempotency_key(&[0; 65]).is_err());
    }
}
