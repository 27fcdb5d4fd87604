//! Ids as the engine has them: at this level nobody needs to guess one.

use sojourn_node::session::SecretHash;

use crate::record::IdName;

/// What stands for an id in the record.
pub(in crate::core_level) fn secret_of(id: IdName) -> SecretHash {
    match id {
        IdName::First => SecretHash::FIRST,
        IdName::Of(operation) => SecretHash((operation as u128 + 1).to_be_bytes()),
    }
}

/// The id for which this stands.
pub(super) fn id_of(secret: SecretHash) -> IdName {
    match u128::from_be_bytes(secret.0).checked_sub(1) {
        None => IdName::First,
        Some(operation) => IdName::Of(usize::try_from(operation).unwrap_or(usize::MAX)),
    }
}
