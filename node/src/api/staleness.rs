//! How old the revocations are that a read goes by, and the bound that a caller may set.

use std::collections::BTreeMap;
use std::time::Duration;

use sojourn_proto::session::v1 as pb;

use super::handler::{Handler, Target};
use super::status::{Failure, Reason};
use crate::session::Partition;

/// By region, as of when its writes are known here; none: not known.
type AsOf = BTreeMap<String, Option<Duration>>;

/// What was known before a session was read: it was read by that at least.
pub(super) struct Freshness {
    session: AsOf,
    /// Of the partition that says which principals have logged out everywhere.
    principals: AsOf,
    bound_ms: Option<u64>,
}

/// Whether a read asks how old the revocations are.
pub(super) fn is_asked(options: &pb::ReadOptions) -> bool {
    options.revocations_staleness_ms_max.is_some() || options.report_revocations_staleness
}

impl Handler {
    /// To be taken before the session and its principal are read; none if nobody asks.
    pub(super) fn freshness(&self, options: &pb::ReadOptions, target: Target) -> Option<Freshness> {
        is_asked(options).then(|| Freshness {
            session: self.replication.fresh_as_of(target.partition),
            principals: self.replication.fresh_as_of(Partition::global(self.partition_count)),
            bound_ms: options.revocations_staleness_ms_max,
        })
    }

    /// How old they are by now.
    ///
    /// # Errors
    /// Older than the caller allows.
    pub(super) fn staleness(
        &self,
        freshness: Freshness,
        session: &pb::Session,
    ) -> Result<Vec<pb::RegionStaleness>, Failure> {
        let has_principal = session.auth.as_ref().is_some_and(|auth| !auth.principal.is_empty());
        let figures = freshness.figures(has_principal, self.env.clock.monotonic());
        match freshness.bound_ms {
            Some(bound_ms) if !is_within(&figures, bound_ms) => Err(too_stale(&figures, bound_ms)),
            _ => Ok(figures),
        }
    }
}

impl Freshness {
    fn figures(&self, has_principal: bool, now: Duration) -> Vec<pb::RegionStaleness> {
        let mut as_of = self.session.clone();
        if has_principal {
            for (region, principals) in &self.principals {
                let known = as_of.entry(region.clone()).or_insert(*principals);
                *known = (*known).min(*principals);
            }
        }
        let figure = |(region, as_of): (String, Option<Duration>)| {
            let staleness_ms = as_of.map(|as_of| millis_up(now.saturating_sub(as_of)));
            pb::RegionStaleness { region, staleness_ms }
        };
        as_of.into_iter().map(figure).collect()
    }
}

/// Rounded up, so that the figure is never less than the truth.
fn millis_up(age: Duration) -> u64 {
    u64::try_from(age.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn is_within(figures: &[pb::RegionStaleness], bound_ms: u64) -> bool {
    figures.iter().all(|figure| figure.staleness_ms.is_some_and(|age_ms| age_ms <= bound_ms))
}

fn too_stale(figures: &[pb::RegionStaleness], bound_ms: u64) -> Failure {
    let said = |age_ms: Option<u64>| age_ms.map_or_else(|| "unknown".to_owned(), |age_ms| age_ms.to_string());
    let oldest: Option<Vec<u64>> = figures.iter().map(|figure| figure.staleness_ms).collect();
    let oldest = said(oldest.and_then(|all| all.into_iter().max()));
    let regions = figures.iter().map(|figure| format!("{}={}", figure.region, said(figure.staleness_ms)));
    let message = format!(
        "revocations of other regions may be missing here: known are those up to {oldest} ms ago, at most {bound_ms} ms are allowed"
    );
    Failure::new(Reason::RevocationsTooStale, message)
        .with("staleness_ms", oldest)
        .with("staleness_ms_max", bound_ms)
        .with("regions", regions.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(10);

    fn known(regions: &[(&str, Option<u64>)]) -> AsOf {
        let as_of = |(name, ms): &(&str, Option<u64>)| ((*name).to_owned(), ms.map(Duration::from_millis));
        regions.iter().map(as_of).collect()
    }

    fn freshness() -> Freshness {
        Freshness {
            session: known(&[("eu", Some(9_999)), ("us", Some(9_500))]),
            principals: known(&[("eu", Some(9_999)), ("us", Some(9_000)), ("ap", None)]),
            bound_ms: None,
        }
    }

    fn ages(figures: &[pb::RegionStaleness]) -> Vec<(&str, Option<u64>)> {
        figures.iter().map(|figure| (figure.region.as_str(), figure.staleness_ms)).collect()
    }

    #[test]
    fn a_session_with_a_principal_is_as_stale_as_what_is_known_of_logouts_everywhere() {
        let without = freshness().figures(false, NOW);
        assert_eq!(ages(&without), [("eu", Some(1)), ("us", Some(500))]);
        let with = freshness().figures(true, NOW);
        assert_eq!(ages(&with), [("ap", None), ("eu", Some(1)), ("us", Some(1_000))]);
    }

    #[test]
    fn a_bound_refuses_what_is_older_or_unknown_and_says_how_old() {
        let figures = freshness().figures(false, NOW);
        assert!(is_within(&figures, 500) && !is_within(&figures, 499));
        let error = too_stale(&figures, 499).into_error();
        let facts = ["staleness_ms", "staleness_ms_max", "regions"].map(|fact| error.metadata[fact].as_str());
        assert_eq!((error.reason.as_str(), facts), ("REVOCATIONS_TOO_STALE", ["500", "499", "eu=1,us=500"]));
        let unknown = freshness().figures(true, NOW);
        assert!(!is_within(&unknown, u64::MAX));
        assert_eq!(too_stale(&unknown, 9).into_error().metadata["staleness_ms"], "unknown");
    }

    #[test]
    fn figures_are_rounded_up() {
        assert_eq!(millis_up(Duration::from_micros(1)), 1);
        assert_eq!(millis_up(Duration::from_millis(3)), 3);
    }
}
