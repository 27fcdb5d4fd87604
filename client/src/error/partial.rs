//! A write that is made, but not as widely as was asked for.

use std::fmt;

use super::Details;
use crate::model::{CausalToken, SessionId};

/// A write that is made, stays and spreads, but that too few replicas have confirmed in
/// time for its consistency level. It is neither undone nor to be taken for done everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partial {
    /// Regions in which as many replicas have it as the level asks for.
    pub applied: Vec<String>,
    /// Regions in which more are needed.
    pub pending: Vec<String>,
    /// The id that the write gave the session, if it made it or rotated its id.
    pub new_id: Option<SessionId>,
    /// Names the write: show it to a later call to see at least this write.
    pub token: CausalToken,
    /// What the node said.
    pub details: Details,
}

impl Partial {
    pub(super) fn new(mut details: Details) -> Self {
        // Out of what is shown: an id is a secret.
        let new_id = details.metadata.remove("session_id").map(SessionId::from);
        let said = |key: &str| details.metadata.get(key).map_or("", String::as_str);
        let names =
            |key: &str| said(key).split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let (applied, pending) = (names("applied_regions"), names("pending_regions"));
        let token = said("causal_token").parse().unwrap_or_default();
        Self { applied, pending, new_id, token, details }
    }
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.details.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_regions_and_the_token_are_read() {
        let facts = [("applied_regions", "eu"), ("pending_regions", "ap,us"), ("causal_token", "AQID")];
        let metadata: BTreeMap<_, _> = facts.map(|(key, said)| (key.to_owned(), said.to_owned())).into();
        let partial = Partial::new(Details { metadata, ..Details::default() });
        assert_eq!((partial.applied, partial.pending), (vec!["eu".into()], vec!["ap".into(), "us".into()]));
        assert_eq!(partial.token.as_bytes(), [1, 2, 3]);
        assert_eq!(Partial::new(Details::default()), Partial::default());
    }

    #[test]
    fn a_new_id_is_told_and_not_shown() {
        let metadata = BTreeMap::from([("session_id".to_owned(), "secret".to_owned())]);
        let partial = Partial::new(Details { metadata, ..Details::default() });
        assert!(!format!("{partial:?} {partial}").contains("secret"));
        assert_eq!(partial.new_id.unwrap().reveal(), "secret");
    }
}
