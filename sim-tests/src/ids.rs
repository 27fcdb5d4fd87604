//! What clients know of a session's ids: as tabs of one browser, they tell each other.

use std::collections::BTreeSet;

use crate::plan::Shows;
use crate::record::IdName;

/// The ids that clients were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownIds {
    /// In the order in which they were given.
    given: Vec<IdName>,
    /// Those of which a node said that they were replaced.
    refused: BTreeSet<IdName>,
}

impl Default for KnownIds {
    fn default() -> Self {
        Self { given: vec![IdName::First], refused: BTreeSet::new() }
    }
}

impl KnownIds {
    /// A rotation gave this one, or the session was created anew.
    pub(crate) fn give(&mut self, id: IdName) {
        self.given.retain(|known| *known != id);
        self.given.push(id);
        self.refused.remove(&id);
    }

    /// A node said that it was replaced: nobody shows it any more, except on purpose.
    pub(crate) fn refuse(&mut self, id: IdName) {
        self.refused.insert(id);
    }

    /// The one that a call shows.
    pub(crate) fn shown(&self, which: Shows) -> IdName {
        let newest = self.newest();
        match which {
            Shows::Newest => newest,
            Shows::Before => {
                self.given.iter().rev().copied().find(|known| *known != newest).unwrap_or(newest)
            }
        }
    }

    /// All of them, those first that are likely to be accepted.
    pub(crate) fn likeliest_first(&self) -> impl Iterator<Item = IdName> + '_ {
        let of = |refused| self.given.iter().rev().filter(move |id| self.refused.contains(id) == refused);
        of(false).chain(of(true)).copied()
    }

    fn newest(&self) -> IdName {
        self.likeliest_first().next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_refused_takes_the_id_that_another_was_given() {
        let mut ids = KnownIds::default();
        let both = |ids: &KnownIds| (ids.shown(Shows::Newest), ids.shown(Shows::Before));
        assert_eq!(both(&ids), (IdName::First, IdName::First));
        ids.give(IdName::Of(3));
        ids.give(IdName::Of(5));
        assert_eq!(both(&ids), (IdName::Of(5), IdName::Of(3)));
        ids.refuse(IdName::Of(5));
        assert_eq!(both(&ids), (IdName::Of(3), IdName::Of(5)));
        ids.refuse(IdName::Of(3));
        ids.refuse(IdName::First);
        assert_eq!(ids.shown(Shows::Newest), IdName::Of(5), "none is left");
        ids.give(IdName::First);
        assert_eq!(ids.shown(Shows::Newest), IdName::First, "it was created anew");
    }
}
