//! PURE. What the log tells of a session beyond its state: writes that gave way.
//!
//! A register keeps only writes that nobody has replaced. Each fragment in the log names
//! one write with all that its writer had seen, so that it can be told from the log, as
//! far as that reaches back, which writes met another one that was made at the same time,
//! which were replaced by a later one, and which came too late for a session that had ended.

use std::collections::BTreeMap;

use super::explain::{KnownWrite, Verdict, attribute, login, rotation};
use crate::session::{AuthBlock, Body, Dot, Name, Register, Rotation, Session, Value, Write};

/// Everything that is known of the writes of one register.
struct Writes<T>(BTreeMap<Dot, Write<T>>);

impl<T> Default for Writes<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

/// All writes that the log and the state name.
#[derive(Default)]
struct Journal {
    attributes: BTreeMap<Name, Writes<Value>>,
    logins: Writes<AuthBlock>,
    rotations: Writes<Rotation>,
}

/// The writes that log entries name and that `known`, what the state tells, does not: each
/// with what became of it. `before`: the state of an ended session before it ended.
#[must_use]
pub fn journal(
    session: &Session,
    before: Option<&Session>,
    entries: &[(Dot, Session)],
    known: &[KnownWrite],
) -> Vec<KnownWrite> {
    let mut journal = Journal::default();
    let states = [Some(session), before];
    let fragments = entries.iter().map(|(_, fragment)| fragment);
    for body in fragments.chain(states.into_iter().flatten()).filter_map(Session::body) {
        journal.add(body);
    }
    let has_ended = session.has_ended();
    let mut found = journal.logins.told(has_ended, login);
    found.extend(journal.rotations.told(has_ended, rotation));
    for (name, writes) in &journal.attributes {
        found.extend(writes.told(has_ended, |register, write| attribute(name, register, write)));
    }
    found.retain(|write| !known.iter().any(|known| is_same(known, write)));
    found
}

fn is_same(a: &KnownWrite, b: &KnownWrite) -> bool {
    (a.origin, a.seq, a.kind, &a.name) == (b.origin, b.seq, b.kind, &b.name)
}

impl Journal {
    fn add(&mut self, body: &Body) {
        for (name, register) in &body.attributes {
            self.attributes.entry(name.clone()).or_default().add(register);
        }
        self.logins.add(&body.auth);
        self.rotations.add(&body.ids);
    }
}

impl<T: Clone + PartialEq> Writes<T> {
    fn add(&mut self, register: &Register<T>) {
        self.0.extend(register.writes().iter().map(|write| (write.dot, write.clone())));
    }

    fn told(
        &self,
        has_ended: bool,
        judge: impl Fn(&Register<T>, &Write<T>) -> KnownWrite,
    ) -> Vec<KnownWrite> {
        let fate = |write: &Write<T>| {
            let alone = judge(&together(vec![write.clone()]), write);
            let rivals = self.0.values().filter(|rival| rival.clock().concurrent(&write.clock()));
            let mut against = rivals.map(|rival| judge(&together(vec![write.clone(), rival.clone()]), write));
            let is_replaced = self.0.values().any(|later| later.has_seen(write));
            match against.find(|met| met.verdict.is_loss()) {
                // It might have held, had there been a session left.
                _ if has_ended && !is_replaced => KnownWrite { verdict: Verdict::LostToEnd, ..alone },
                Some(lost) => lost,
                None if is_replaced => KnownWrite { verdict: Verdict::Replaced, ..alone },
                None => alone,
            }
        };
        self.0.values().map(fate).collect()
    }
}

impl<T> Write<T> {
    fn has_seen(&self, earlier: &Self) -> bool {
        self.dot != earlier.dot && self.clock().get(&earlier.dot.origin) >= earlier.dot.seq
    }
}

/// Writes that were made at the same time, as a replica that has them all holds them.
fn together<T: Clone + PartialEq>(writes: Vec<Write<T>>) -> Register<T> {
    let mut register = Register::default();
    for write in writes {
        register.merge(Register::from_writes(vec![write]).unwrap_or_default());
    }
    register
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{dot, logged, take};
    use crate::engine::{Changes, Command, Create, Update};
    use crate::feed::{WriteKind, explain, explain_ended};
    use crate::session::{SessionLimits, ValueKind};

    const NOW_MS: u64 = 1_800_000_000_000;

    type Log = Vec<(Dot, Session)>;

    /// One replica's copy of the session, and the log of all.
    struct Site {
        replica: u16,
        state: Option<Session>,
    }

    fn write(site: &mut Site, log: &mut Log, seq: u64, command: &Command) {
        let (dot, now_ms) = (dot(site.replica, seq), NOW_MS + seq * 10 + u64::from(site.replica));
        let done = take(site.state.take(), command, dot, now_ms, &SessionLimits::default());
        log.push((dot, logged(&done.fragment.unwrap())));
        site.state = Some(done.state);
    }

    fn create() -> Command {
        Command::Create(Create {
            namespace: "web".into(),
            idle_timeout_ms: 100_000,
            absolute_timeout_ms: 1_000_000,
            changes: Changes::default(),
        })
    }

    fn set(text: &'static str) -> Command {
        let value = Value { kind: ValueKind::Text, bytes: text.into() };
        let changes = Changes { set_attributes: vec![("cart".into(), value)], ..Changes::default() };
        Command::Update(Update { changes, ..Update::default() })
    }

    fn login(level: u32) -> Command {
        let auth = AuthBlock { principal: "ada".into(), level, ..AuthBlock::default() };
        let changes = Changes { set_auth: Some(auth), ..Changes::default() };
        Command::Update(Update { changes, ..Update::default() })
    }

    /// Two replicas with a session, and the log so far.
    fn two() -> (Site, Site, Log) {
        let (mut log, mut one) = (Vec::new(), Site { replica: 1, state: None });
        write(&mut one, &mut log, 1, &create());
        let two = Site { replica: 2, state: one.state.clone() };
        (one, two, log)
    }

    fn merged(one: &Site, two: &Site) -> Session {
        let mut merged = one.state.clone().unwrap();
        merged.merge(two.state.clone().unwrap());
        merged
    }

    /// By replica and number.
    fn verdicts(writes: &[KnownWrite], kind: WriteKind) -> Vec<(u16, u64, Verdict)> {
        let wanted = writes.iter().filter(|write| write.kind == kind);
        wanted.map(|write| (write.origin.unwrap().replica.0, write.seq, write.verdict)).collect()
    }

    #[test]
    fn writes_that_gave_way_are_told_with_what_became_of_them() {
        let (mut one, mut two, mut log) = two();
        write(&mut one, &mut log, 2, &set("first"));
        two.state.clone_from(&one.state);
        write(&mut one, &mut log, 3, &set("by one"));
        write(&mut two, &mut log, 1, &set("by two"));
        one.state = Some(merged(&one, &two));
        write(&mut one, &mut log, 4, &set("last"));
        let session = one.state.unwrap();
        let known = explain(&session);
        assert_eq!(verdicts(&known, WriteKind::SetAttribute), [(1, 4, Verdict::Holds)]);
        let told = journal(&session, None, &log, &known);
        let expected =
            [(1, 2, Verdict::Replaced), (1, 3, Verdict::Replaced), (2, 1, Verdict::LostLowerStamp)];
        assert_eq!(verdicts(&told, WriteKind::SetAttribute), expected);
        assert!(told.iter().all(|write| write.at_ms > NOW_MS && write.size > 0));
    }

    #[test]
    fn a_login_that_lost_is_told_after_the_next_one() {
        let (mut one, mut two, mut log) = two();
        write(&mut one, &mut log, 2, &login(1));
        write(&mut two, &mut log, 1, &login(2));
        one.state = Some(merged(&one, &two));
        write(&mut one, &mut log, 3, &login(3));
        let session = one.state.unwrap();
        let told = journal(&session, None, &log, &explain(&session));
        let expected = [(1, 2, Verdict::Replaced), (2, 1, Verdict::LostHigherPrivilege)];
        assert_eq!(verdicts(&told, WriteKind::Login), expected);
    }

    #[test]
    fn what_came_too_late_for_an_ended_session_is_told_as_lost() {
        let (mut one, mut two, mut log) = two();
        write(&mut one, &mut log, 2, &set("in time"));
        let before = one.state.clone().unwrap();
        write(&mut one, &mut log, 3, &Command::Revoke { reason: "logout".into() });
        write(&mut two, &mut log, 1, &set("too late"));
        let session = merged(&one, &two);
        let known = explain_ended(&session, &before);
        assert_eq!(verdicts(&known, WriteKind::SetAttribute), [(1, 2, Verdict::LostToEnd)]);
        let told = journal(&session, Some(&before), &log, &known);
        assert_eq!(verdicts(&told, WriteKind::SetAttribute), [(2, 1, Verdict::LostToEnd)]);
    }
}
