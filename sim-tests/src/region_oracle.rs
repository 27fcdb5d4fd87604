//! What a region's client was told, and what must hold once all regions have met.

use std::collections::BTreeMap;

use sojourn_client::{Error, Session};

/// What is known of one session. A write without a clear answer is unknown: it
/// may be there or not.
#[derive(Debug, Default, Clone)]
pub struct Expected {
    attributes: BTreeMap<String, String>,
    counter_least: i64,
    counter_most: i64,
    revoked: bool,
}

/// A broken promise.
#[derive(Debug, thiserror::Error)]
#[error("invariant broken: {0}")]
pub struct Violation(pub String);

impl Expected {
    /// An attribute of a name used once, and 1 added to the counter, in one write.
    pub fn wrote(&mut self, name: &str, value: &str, acknowledged: bool) {
        self.counter_most += 1;
        if acknowledged {
            self.counter_least += 1;
            self.attributes.insert(name.to_owned(), value.to_owned());
        }
    }

    /// A revocation that was acknowledged.
    pub fn revoked(&mut self) {
        self.revoked = true;
    }

    /// Whether a revocation was acknowledged.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// Checks what a node says after all regions have met.
    ///
    /// # Errors
    /// Names the invariant that does not hold.
    pub fn check(&self, answer: &Result<Session, Error>) -> Result<(), Violation> {
        match answer {
            Err(Error::Revoked(_)) if self.revoked => Ok(()),
            Ok(_) if self.revoked => Err(Violation("I6: a revoked session is served".into())),
            Ok(session) => self.check_content(session),
            Err(error) => Err(Violation(format!("I3: an acknowledged session is not served: {error}"))),
        }
    }

    fn check_content(&self, session: &Session) -> Result<(), Violation> {
        for (name, value) in &self.attributes {
            if session.text(name) != Some(value) {
                return Err(Violation(format!("I3: acknowledged attribute {name} is lost")));
            }
        }
        let counter = session.counter("writes");
        if !(self.counter_least..=self.counter_most).contains(&counter) {
            let (least, most) = (self.counter_least, self.counter_most);
            return Err(Violation(format!("I23: counter is {counter}, expected {least} to {most}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Expected;
    use sojourn_client::{Error, Session};

    fn session(writes: i64, attributes: &[(&str, &str)]) -> Session {
        let mut session = Session::default();
        session.counters.insert("writes".into(), writes);
        for (name, value) in attributes {
            session.attributes.insert((*name).into(), (*value).into());
        }
        session
    }

    #[test]
    fn a_lost_write_a_doubled_write_and_a_revived_session_are_found() {
        let mut expected = Expected::default();
        expected.wrote("a", "1", true);
        expected.wrote("b", "2", false);
        expected.check(&Ok(session(1, &[("a", "1")]))).unwrap();
        expected.check(&Ok(session(2, &[("a", "1"), ("b", "2")]))).unwrap();
        expected.check(&Ok(session(1, &[]))).unwrap_err();
        expected.check(&Ok(session(3, &[("a", "1")]))).unwrap_err();
        expected.check(&Err(Error::NotFound)).unwrap_err();
        expected.revoked();
        expected.check(&Ok(session(1, &[("a", "1")]))).unwrap_err();
    }
}
