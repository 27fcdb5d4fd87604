//! Changes that are not sent yet, laid over what was read.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{Changes, Session, Value};

impl Changes {
    /// What makes a new session hold what this one holds, its identity left out.
    pub(crate) fn content_of(session: &Session) -> Self {
        let attributes = session.attributes.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        let added = |members: &BTreeSet<Bytes>| members.iter().map(|member| (member.clone(), true)).collect();
        Self {
            attributes: attributes.collect(),
            counters: session.counters.clone(),
            sets: session.sets.iter().map(|(name, members)| (name.clone(), added(members))).collect(),
            device: String::new(),
            auth: None,
        }
    }

    /// What would become of an attribute; None: nothing.
    pub(crate) fn attribute(&self, name: &str) -> Option<Option<&Value>> {
        self.attributes.get(name).map(Option::as_ref)
    }

    /// What would be added to a counter.
    pub(crate) fn added_to(&self, counter: &str) -> i64 {
        self.counters.get(counter).copied().unwrap_or_default()
    }

    /// The members of a set that would change, and whether they would then be in it.
    pub(crate) fn members_of(&self, set: &str) -> impl Iterator<Item = (&Bytes, bool)> {
        self.sets.get(set).into_iter().flatten().map(|(member, added)| (member, *added))
    }

    /// Brings a session to where it will be once these changes are made.
    pub(crate) fn apply_to(&self, session: &mut Session) {
        for (name, value) in &self.attributes {
            match value {
                Some(value) => drop(session.attributes.insert(name.clone(), value.clone())),
                None => drop(session.attributes.remove(name)),
            }
        }
        for (name, amount) in &self.counters {
            let count = session.counters.entry(name.clone()).or_default();
            *count = count.saturating_add(*amount);
        }
        for (name, members) in &self.sets {
            let set = session.sets.entry(name.clone()).or_default();
            for (member, added) in members {
                if *added {
                    set.insert(member.clone())
                } else {
                    set.remove(member)
                };
            }
        }
        if let Some(auth) = &self.auth {
            session.auth = Some(auth.clone());
        }
    }

    /// Leaves out what a session holds, or lacks, already.
    pub(crate) fn beyond(mut self, session: &Session) -> Self {
        self.attributes.retain(|name, value| match (session.attributes.get(name), value) {
            (Some(held), Some(value)) => !same(held, value),
            (None, None) => false,
            _ => true,
        });
        self.counters.retain(|_, amount| *amount != 0);
        for (name, members) in &mut self.sets {
            members.retain(|member, added| session.has_member(name, member) != *added);
        }
        self.sets.retain(|_, members: &mut BTreeMap<Bytes, bool>| !members.is_empty());
        self
    }
}

/// JSON is the same whatever the order of its keys.
fn same(left: &Value, right: &Value) -> bool {
    let (Value::Json(left_text), Value::Json(right_text)) = (left, right) else { return left == right };
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    left_text == right_text || parsed(left_text).is_some_and(|left| parsed(right_text) == Some(left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Auth;

    fn held() -> Session {
        let mut session = Session::default();
        let content = Changes::new().set("cart", Value::json(r#"{"a":1,"b":2}"#)).set("theme", "dark");
        content.add("visits", 3).add_member("seen", "tea").auth(Auth::new("ada")).apply_to(&mut session);
        session
    }

    #[test]
    fn what_a_session_holds_already_is_left_out() {
        let changes = Changes::new().set("cart", Value::json(r#"{ "b": 2, "a": 1 }"#)).set("theme", "dark");
        let changes = changes.remove("gone").add("visits", 1).add("visits", -1);
        let changes = changes.add_member("seen", "tea").remove_member("seen", "milk");
        assert!(changes.beyond(&held()).is_empty());
    }

    #[test]
    fn what_differs_stays() {
        let changes = Changes::new().set("cart", Value::json("1")).remove("theme").add("visits", 1);
        let changes = changes.add_member("seen", "milk").remove_member("seen", "tea");
        assert_eq!(changes.clone().beyond(&held()), changes);
    }

    #[test]
    fn content_is_copied_without_the_identity() {
        let mut copy = Session::default();
        Changes::content_of(&held()).apply_to(&mut copy);
        assert_eq!(copy, Session { auth: None, ..held() });
    }

    #[test]
    fn changes_lead_to_what_will_be_read() {
        let mut session = held();
        let changes = Changes::new().remove("theme").add("visits", i64::MAX).remove_member("seen", "tea");
        changes.apply_to(&mut session);
        assert_eq!((session.text("theme"), session.counter("visits")), (None, i64::MAX));
        assert!(!session.has_member("seen", b"tea"));
    }
}
