//! Receipts as they are printed, and what to wait for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sojourn_client::Receipt;

use crate::cli::output::Output;

/// The word for every region.
const ALL: &str = "all";

/// What a revocation waits for.
pub(super) enum Wait {
    Nothing,
    All,
    Regions(Vec<String>),
}

impl Wait {
    pub(super) fn new(regions: Vec<String>) -> Self {
        match regions.as_slice() {
            [] => Self::Nothing,
            [one] if one == ALL => Self::All,
            _ => Self::Regions(regions),
        }
    }
}

/// Adds what is waited for to a call.
macro_rules! waiting {
    ($call:expr, $wait:expr) => {
        match $wait {
            $crate::cli::commands::receipt::Wait::Nothing => $call,
            $crate::cli::commands::receipt::Wait::All => $call.wait_all_regions(),
            $crate::cli::commands::receipt::Wait::Regions(regions) => $call.wait_regions(regions),
        }
    };
}

pub(super) use waiting;

/// Where it is applied, for people.
pub(super) fn print(receipt: &Receipt, output: &Output) {
    output.line(receipt.to_string());
    output.note(format!("receipt: {}", STANDARD.encode(receipt.token.as_bytes())));
}

/// For programs.
pub(super) fn to_json(receipt: &Receipt) -> Json {
    let region = |(name, region): (&String, &sojourn_client::RegionReceipt)| {
        json!({
            "region": name,
            "applied": region.applied,
            "replicas_applied": region.replicas_applied,
            "replicas": region.replicas,
        })
    };
    json!({
        "complete": receipt.is_complete(),
        "regions": receipt.regions.iter().map(region).collect::<Vec<_>>(),
        "token": STANDARD.encode(receipt.token.as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_every_region() {
        let wait = |names: &[&str]| Wait::new(names.iter().map(|name| (*name).to_owned()).collect());
        assert!(matches!(wait(&[]), Wait::Nothing));
        assert!(matches!(wait(&["all"]), Wait::All));
        assert!(matches!(wait(&["eu", "us"]), Wait::Regions(regions) if regions == ["eu", "us"]));
    }
}
