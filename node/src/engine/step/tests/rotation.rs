//! Another id for a session: which ids are taken, and what concurrent rotations come to.

use proptest::prelude::*;

use super::*;
use crate::session::epoch::covers;
use crate::session::{Hlc, IdVerdict, Rotation, SecretHash, Write};

const GRACE_MS: u64 = 1_000;
const AHEAD_MS: u64 = 1_000_000;

fn hash(number: u8) -> SecretHash {
    SecretHash([number; 16])
}

fn rotate(to: u8, grace_ms: u64, changes: Changes) -> Command {
    Command::Rotate(Rotate {
        secret: hash(to),
        grace_ms,
        update: Update { changes, touch: true, ..Update::default() },
    })
}

/// Write number `seq` of node 1, `after_ms` after the start, by one of the session's ids.
fn by(
    state: &Session,
    shown: SecretHash,
    seq: u64,
    after_ms: u64,
    command: &Command,
) -> Result<Step, StepError> {
    let now_ms = T0_MS + after_ms;
    let limits = limits();
    let ctx = StepContext { dot: dot(seq), stamp: stamp(now_ms), now_ms, shown, limits: &limits };
    step(Some(state.clone()), command, &ctx)
}

fn commands() -> [Command; 4] {
    [set("a", "1"), Command::Touch, revoke("logout"), rotate(9, 0, Changes::default())]
}

#[test]
fn a_login_changes_content_and_id_in_one_fragment() {
    let auth = AuthBlock { principal: "ada".into(), level: 1, ..AuthBlock::default() };
    let changes = Changes { set_auth: Some(auth), ..Changes::default() };
    let before = new();
    let done = at(Some(&before), 2, 1, &rotate(1, 0, changes)).unwrap();
    assert_eq!(done.reply, Reply::Rotated { secret: hash(1) });
    let fragment = done.fragment.unwrap();
    assert!(!fragment.complete);
    let mut copy = before;
    copy.merge(fragment);
    assert_eq!(copy, done.state);
    assert_eq!(&*body_of(&copy).auth.value().unwrap().principal, "ada");
    for command in commands() {
        assert_eq!(by(&copy, SecretHash::FIRST, 3, 2, &command), Err(StepError::Rotated), "{command:?}");
        assert_eq!(by(&copy, hash(7), 3, 2, &command), Err(StepError::NotFound), "{command:?}");
        assert!(by(&copy, hash(1), 3, 2, &command).is_ok(), "{command:?}");
    }
}

#[test]
fn an_alias_may_do_everything_but_rotate_until_its_grace_ends() {
    let state = at(Some(&new()), 2, 0, &rotate(1, GRACE_MS, Changes::default())).unwrap().state;
    let (last, over) = (GRACE_MS - 1, GRACE_MS);
    for command in &commands()[..3] {
        assert!(by(&state, SecretHash::FIRST, 3, last, command).is_ok(), "{command:?}");
        assert_eq!(by(&state, SecretHash::FIRST, 3, over, command), Err(StepError::Rotated), "{command:?}");
    }
    let again = by(&state, SecretHash::FIRST, 3, last, &rotate(2, GRACE_MS, Changes::default()));
    assert_eq!(again, Err(StepError::AlreadyRotated));
}

#[test]
fn a_retry_finds_its_work_done_whatever_it_shows() {
    let command = rotate(1, 0, Changes { add_counters: vec![("n".into(), 1)], ..Changes::default() });
    let state = at(Some(&new()), 2, 0, &command).unwrap().state;
    for shown in [SecretHash::FIRST, hash(1)] {
        let again = by(&state, shown, 3, 1, &command).unwrap();
        assert_eq!((again.reply, again.fragment), (Reply::Rotated { secret: hash(1) }, None));
        assert_eq!(again.state, state);
    }
}

#[test]
fn a_grace_has_a_limit() {
    let most = crate::session::rotation::GRACE_MS_MAX;
    assert!(at(Some(&new()), 2, 0, &rotate(1, most, Changes::default())).is_ok());
    let refused = at(Some(&new()), 2, 0, &rotate(1, most + 1, Changes::default()));
    assert!(matches!(refused, Err(StepError::InvalidArgument { field: "grace_ms", .. })), "{refused:?}");
}

#[test]
fn only_the_use_of_a_replaced_id_is_marked_and_once_a_minute() {
    let state = at(Some(&new()), 2, 0, &rotate(1, GRACE_MS, Changes::default())).unwrap().state;
    for (shown, after_ms) in [(SecretHash::FIRST, 0), (hash(1), GRACE_MS), (hash(7), GRACE_MS)] {
        let done = by(&state, shown, 3, after_ms, &Command::MarkReplay).unwrap();
        assert_eq!((done.fragment, &done.state), (None, &state));
    }
    let marked = by(&state, SecretHash::FIRST, 3, GRACE_MS, &Command::MarkReplay).unwrap();
    let fragment = marked.fragment.unwrap();
    assert_eq!(fragment.body().unwrap().replays.marks().len(), 1);
    assert_eq!(fragment.body().unwrap().last_seen_ms, 0, "it keeps nothing alive");
    let soon = by(&marked.state, SecretHash::FIRST, 4, GRACE_MS + 59_999, &Command::MarkReplay).unwrap();
    assert_eq!(soon.fragment, None);
    let later = by(&marked.state, SecretHash::FIRST, 4, GRACE_MS + 60_000, &Command::MarkReplay).unwrap();
    assert_eq!(body_of(&later.state).replays.marks().len(), 2);
}

#[test]
fn of_a_part_only_what_is_known_of_the_id_counts() {
    let full = new();
    let part = full.fragment(Body::default());
    assert_eq!(by(&part, hash(1), 3, 0, &revoke("logout")), Err(StepError::Partial));
    assert!(by(&part, SecretHash::FIRST, 3, 0, &revoke("logout")).is_ok());
    let part = at(Some(&full), 2, 0, &rotate(1, 0, Changes::default())).unwrap().fragment.unwrap();
    assert_eq!(by(&part, SecretHash::FIRST, 3, 0, &revoke("logout")), Err(StepError::Rotated));
    assert!(by(&part, hash(1), 3, 0, &revoke("logout")).is_ok());
}

/// What happens at one of three replicas.
#[derive(Clone, Debug)]
enum Event {
    /// With grace or without, by one of the ids given out so far.
    Rotate {
        at: usize,
        grace: bool,
        shown: prop::sample::Index,
    },
    Write {
        at: usize,
        shown: prop::sample::Index,
    },
    Revoke {
        at: usize,
        shown: prop::sample::Index,
    },
    MarkReplay {
        at: usize,
        shown: prop::sample::Index,
    },
    Deliver {
        to: usize,
        fragment: prop::sample::Index,
    },
    /// Its clock goes far ahead, or comes back.
    Clock {
        at: usize,
        ahead: bool,
    },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let (at, pick) = (|| 0..3_usize, any::<prop::sample::Index>);
    let event = prop_oneof![
        6 => (at(), any::<bool>(), pick()).prop_map(|(at, grace, shown)| Event::Rotate { at, grace, shown }),
        4 => (at(), pick()).prop_map(|(at, shown)| Event::Write { at, shown }),
        1 => (at(), pick()).prop_map(|(at, shown)| Event::Revoke { at, shown }),
        2 => (at(), pick()).prop_map(|(at, shown)| Event::MarkReplay { at, shown }),
        8 => (at(), pick()).prop_map(|(to, fragment)| Event::Deliver { to, fragment }),
        2 => (at(), any::<bool>()).prop_map(|(at, ahead)| Event::Clock { at, ahead }),
    ];
    prop::collection::vec(event, 0..40)
}

/// Three replicas of one session.
struct World {
    states: Vec<Session>,
    fragments: Vec<Session>,
    clocks: Vec<Hlc>,
    seqs: [u64; 3],
    now_ms: u64,
    ids: Vec<SecretHash>,
    /// The rotations without grace.
    cuts: Vec<Write<Rotation>>,
    written: Vec<String>,
}

impl World {
    fn new() -> Self {
        let session = new();
        Self {
            states: vec![session.clone(); 3],
            fragments: vec![session],
            clocks: vec![Hlc::starting_after(T0_MS << 16); 3],
            seqs: [1; 3],
            now_ms: T0_MS,
            ids: vec![SecretHash::FIRST],
            cuts: Vec::new(),
            written: Vec::new(),
        }
    }

    fn step(&mut self, event: &Event) {
        self.now_ms += 100;
        let shown = |pick: &prop::sample::Index| *pick.get(&self.ids);
        match event {
            Event::Rotate { at, grace, shown: pick } => {
                let to = u8::try_from(self.ids.len()).unwrap();
                let grace_ms = if *grace { GRACE_MS } else { 0 };
                let command = rotate(to, grace_ms, Changes::default());
                if let Some(fragment) = self.execute(*at, shown(pick), &command) {
                    self.ids.push(hash(to));
                    let rotated = fragment.body().into_iter().flat_map(|body| body.ids.writes());
                    self.cuts.extend(rotated.filter(|_| !grace).cloned());
                }
            }
            Event::Write { at, shown: pick } => {
                let name = format!("w{}", self.written.len());
                if self.execute(*at, shown(pick), &set(&name, "1")).is_some() {
                    self.written.push(name);
                }
            }
            Event::Revoke { at, shown: pick } => drop(self.execute(*at, shown(pick), &revoke("logout"))),
            Event::MarkReplay { at, shown: pick } => {
                self.execute(*at, shown(pick), &Command::MarkReplay);
            }
            Event::Deliver { to, fragment } => {
                let fragment = fragment.get(&self.fragments).clone();
                for clock in &mut self.clocks {
                    // A common clock: what is merged lies in the past of every later stamp.
                    clock.observe(self.now_ms << 16, self.now_ms, 0).unwrap();
                }
                self.states[*to].merge(fragment);
            }
            Event::Clock { at, ahead: true } => {
                self.clocks[*at] = Hlc::starting_after((self.now_ms + AHEAD_MS) << 16);
            }
            Event::Clock { at, ahead: false } => self.clocks[*at].leave_future(self.now_ms, 0),
        }
    }

    /// The fragment of what was done; none if it was refused or changed nothing.
    fn execute(&mut self, at: usize, shown: SecretHash, command: &Command) -> Option<Session> {
        let origin = origin(u16::try_from(at).unwrap() + 1);
        let stamp = Stamp { hlc: self.clocks[at].tick(self.now_ms), origin };
        let (limits, dot) = (limits(), Dot { origin, seq: self.seqs[at] + 1 });
        let ctx = StepContext { dot, stamp, now_ms: self.now_ms, shown, limits: &limits };
        let before = self.states[at].clone();
        let verdict = before.body().map(|body| body.ids.judge(&shown, self.now_ms));
        let done = step(Some(before), command, &ctx).ok()?;
        let fragment = done.fragment?;
        let needed = match command {
            Command::Rotate(_) => [IdVerdict::Current; 2],
            Command::MarkReplay => [IdVerdict::Replaced; 2],
            _ => [IdVerdict::Current, IdVerdict::Alias],
        };
        assert!(verdict.is_some_and(|verdict| needed.contains(&verdict)), "{verdict:?} {command:?}");
        self.seqs[at] += 1;
        self.states[at] = done.state;
        self.fragments.push(fragment.clone());
        Some(fragment)
    }

    /// A rotation without grace that does not hold, though it had seen all of them that the one
    /// which holds has seen.
    fn lost_cut(&self, holds: Option<&Write<Rotation>>) -> Option<&Write<Rotation>> {
        let has_seen =
            |write: &Write<Rotation>, cut: &Write<Rotation>| covers(&write.clock(), &cut.dot.into());
        let is_seen = |cut: &Write<Rotation>| holds.is_some_and(|holds| has_seen(holds, cut));
        let seen = || self.cuts.iter().filter(|cut| is_seen(cut));
        self.cuts.iter().find(|cut| !is_seen(cut) && seen().all(|earlier| has_seen(cut, earlier)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    /// Whatever raced and in whichever order it arrived: one id, everywhere the same one;
    /// nothing that was written is lost; and an end is an end.
    #[test]
    fn rotations_end_in_one_id_and_revocations_win(events in events(), order in any::<u64>()) {
        let mut world = World::new();
        events.iter().for_each(|event| world.step(event));
        let mut meetings = Vec::new();
        for (number, state) in world.states.iter().enumerate() {
            let mut fragments = world.fragments.clone();
            let salt = order.wrapping_add(number as u64);
            fragments.sort_by_key(|it| xxhash_rust::xxh3::xxh3_64_with_seed(&it.encode(), salt));
            let mut met = state.clone();
            fragments.into_iter().for_each(|fragment| met.merge(fragment));
            meetings.push(met);
        }
        let all = meetings[0].encode();
        prop_assert!(meetings.iter().all(|met| met.encode() == all));
        let is_revoked = |it: &Session| it.body().is_none();
        prop_assert_eq!(is_revoked(&meetings[0]), world.fragments.iter().any(is_revoked));
        let Some(body) = meetings[0].body() else { return Ok(()) };
        let now_ms = world.now_ms;
        let current = world.ids.iter().filter(|id| body.ids.judge(id, now_ms) == IdVerdict::Current);
        prop_assert_eq!(current.count(), 1);
        // What had not seen the last login, or what followed it, does not hold.
        prop_assert_eq!(world.lost_cut(body.ids.current()), None);
        for name in &world.written {
            prop_assert!(body.attributes.contains_key(name.as_str()));
        }
        let over_ms = now_ms + GRACE_MS;
        let accepted = world.ids.iter().filter(|id| {
            matches!(body.ids.judge(id, over_ms), IdVerdict::Current | IdVerdict::Alias)
        });
        prop_assert_eq!(accepted.count(), 1, "after the grace nothing else is accepted");
    }
}
