//! Where a revocation is known to be applied.

use std::collections::BTreeMap;
use std::fmt;

use sojourn_proto::session::v1;

use super::CausalToken;

/// Which regions have applied a revocation. Displayed as `applied in eu, us; pending ap`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Every region that holds the session, by name.
    pub regions: BTreeMap<String, RegionReceipt>,
    /// Names the revocation, to ask for its receipt again.
    pub token: CausalToken,
}

/// One region of a receipt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegionReceipt {
    /// Every replica of the region is known to have applied it: no read there shows the session.
    pub applied: bool,
    /// How many replicas are known to have applied it.
    pub replicas_applied: u32,
    /// How many there are.
    pub replicas: u32,
}

impl Receipt {
    /// The regions that have applied it.
    pub fn applied(&self) -> impl Iterator<Item = &str> {
        self.named(true)
    }

    /// The regions that have not, as far as is known.
    pub fn pending(&self) -> impl Iterator<Item = &str> {
        self.named(false)
    }

    /// Every region has applied it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.regions.is_empty() && self.pending().next().is_none()
    }

    fn named(&self, applied: bool) -> impl Iterator<Item = &str> {
        let alike = self.regions.iter().filter(move |(_, region)| region.applied == applied);
        alike.map(|(name, _)| name.as_str())
    }

    pub(crate) fn from_wire(receipt: Option<v1::Receipt>) -> Self {
        let v1::Receipt { regions, token } = receipt.unwrap_or_default();
        let regions = regions.into_iter().map(|region| {
            let v1::RegionReceipt { region, applied, replicas_applied, replicas } = region;
            (region, RegionReceipt { applied, replicas_applied, replicas })
        });
        Self { regions: regions.collect(), token: CausalToken::from_bytes(token) }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        write!(f, "applied in {}", list(self.applied().collect()))?;
        if self.is_complete() { Ok(()) } else { write!(f, "; pending {}", list(self.pending().collect())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(regions: &[(&str, bool)]) -> Receipt {
        let region = |applied| RegionReceipt { applied, ..RegionReceipt::default() };
        let regions = regions.iter().map(|(name, applied)| ((*name).to_owned(), region(*applied)));
        Receipt { regions: regions.collect(), token: CausalToken::default() }
    }

    #[test]
    fn a_receipt_is_told_in_words() {
        let some = receipt(&[("eu", true), ("us", true), ("ap", false)]);
        assert_eq!(some.to_string(), "applied in eu, us; pending ap");
        assert!(!some.is_complete());
        assert_eq!(receipt(&[("eu", true)]).to_string(), "applied in eu");
        assert_eq!(receipt(&[("eu", false)]).to_string(), "applied in none; pending eu");
        assert!(!receipt(&[]).is_complete(), "an answer without a receipt says nothing");
    }
}
