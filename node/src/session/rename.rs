//! A session under other names for those who wrote it.
//!
//! Another cluster allots the same replica ids, and its starts may have the same
//! numbers. Merged as they are, its dots would hide writes of this cluster that are
//! yet to be made. So what comes from elsewhere gets origins that no node has.

use std::collections::BTreeMap;

use super::counter::Share;
use super::replays::{Replay, Replays};
use super::rotation::Rotation;
use super::{
    AuthBlock, Body, Counter, Dot, Members, Origin, Presence, Register, ReplicaId, Root, Session, Stamp,
    VersionVector, Write,
};

/// The lowest replica id that is never allotted: these name writers of other clusters.
pub const FOREIGN_REPLICA_MIN: u16 = 0x8000;

const FOREIGN_CONTEXT: &str = "sojourn 2026-11 foreign origin v1";

impl Origin {
    /// Whether it wrote in another cluster.
    #[must_use]
    pub fn is_foreign(self) -> bool {
        self.replica.0 >= FOREIGN_REPLICA_MIN
    }

    /// The name here of a writer of another cluster: the same one each time. One that was
    /// foreign there too keeps its name, whichever way it came.
    #[must_use]
    pub fn of_cluster(self, lineage: &[u8; 16]) -> Self {
        if self.is_foreign() {
            return self;
        }
        let mut hasher = blake3::Hasher::new_derive_key(FOREIGN_CONTEXT);
        hasher.update(lineage).update(&self.replica.0.to_be_bytes()).update(&self.incarnation.to_be_bytes());
        let hash = hasher.finalize();
        let [a, b, c, d, e, f, ..] = *hash.as_bytes();
        Self {
            replica: ReplicaId(FOREIGN_REPLICA_MIN | u16::from_be_bytes([a, b])),
            incarnation: u32::from_be_bytes([c, d, e, f]),
        }
    }
}

impl Session {
    /// The same session with its writers renamed; none if two of them got one name.
    #[must_use]
    pub fn renamed(mut self, name: &dyn Fn(Origin) -> Origin) -> Option<Self> {
        self.birth.created = stamp(self.birth.created, name);
        self.root = match self.root {
            Root::Live(it) => Root::Live(body(&it, name)?),
            Root::Revoked(mut revocation) => {
                revocation.stamp = stamp(revocation.stamp, name);
                Root::Revoked(revocation)
            }
        };
        Some(self)
    }
}

fn stamp(stamp: Stamp, name: &dyn Fn(Origin) -> Origin) -> Stamp {
    Stamp { origin: name(stamp.origin), ..stamp }
}

fn body(body: &Body, name: &dyn Fn(Origin) -> Origin) -> Option<Body> {
    let login =
        |auth: &AuthBlock| Some(AuthBlock { epoch_seen: vector(&auth.epoch_seen, name)?, ..auth.clone() });
    Some(Body {
        last_seen_ms: body.last_seen_ms,
        lapsed: body.lapsed.map(|lapsed| stamp(lapsed, name)),
        auth: register(&body.auth, name, login)?,
        attributes: each(&body.attributes, |it| register(it, name, |value| Some(value.clone())))?,
        counters: each(&body.counters, |it| counter(it, name))?,
        sets: each(&body.sets, |it| members(it, name))?,
        ids: register(&body.ids, name, |it| Some(rotation(it, name)))?,
        replays: replays(&body.replays, name)?,
    })
}

fn rotation(of: &Rotation, name: &dyn Fn(Origin) -> Origin) -> Rotation {
    Rotation { cut: of.cut.map(|cut| stamp(cut, name)), ..of.clone() }
}

fn replays(of: &Replays, name: &dyn Fn(Origin) -> Origin) -> Option<Replays> {
    if of.is_empty() {
        return Some(Replays::default());
    }
    let renamed = |mark: &Replay| {
        let dot = Dot { origin: name(mark.dot.origin), seq: mark.dot.seq };
        Replay { dot, ..*mark }
    };
    let mut marks: Vec<Replay> = of.marks().iter().map(renamed).collect();
    marks.sort_unstable();
    Replays::from_marks(marks)
}

fn each<K: Ord + Clone, V>(of: &BTreeMap<K, V>, rename: impl Fn(&V) -> Option<V>) -> Option<BTreeMap<K, V>> {
    of.iter().map(|(key, value)| Some((key.clone(), rename(value)?))).collect()
}

fn vector(of: &VersionVector, name: &dyn Fn(Origin) -> Origin) -> Option<VersionVector> {
    let dots: BTreeMap<Origin, u64> = of.dots.iter().map(|(&origin, &seq)| (name(origin), seq)).collect();
    (dots.len() == of.dots.len()).then_some(VersionVector { dots })
}

fn register<T: Clone + PartialEq>(
    of: &Register<T>,
    name: &dyn Fn(Origin) -> Origin,
    value: impl Fn(&T) -> Option<T>,
) -> Option<Register<T>> {
    let renamed = |write: &Write<T>| {
        let value = match &write.value {
            Some(held) => Some(value(held)?),
            None => None,
        };
        let dot = Dot { origin: name(write.dot.origin), seq: write.dot.seq };
        Some(Write { dot, hlc: write.hlc, seen: vector(&write.seen, name)?, value })
    };
    let mut writes: Vec<Write<T>> = of.writes().iter().map(renamed).collect::<Option<_>>()?;
    writes.sort_by(|a, b| (a.dot, &a.seen.dots).cmp(&(b.dot, &b.seen.dots)));
    Register::from_writes(writes)
}

fn counter(of: &Counter, name: &dyn Fn(Origin) -> Origin) -> Option<Counter> {
    let mut renamed = Counter::default();
    for share in of.shares() {
        renamed.insert(Share { origin: name(share.origin), ..share });
    }
    let is_injective = renamed.shares().len() == of.shares().len();
    is_injective.then_some(renamed)
}

fn members(of: &Members, name: &dyn Fn(Origin) -> Origin) -> Option<Members> {
    each(of, |presence| {
        let (additions, in_force) = presence.clocks();
        vector(&additions, name)?;
        let mut renamed = Presence::default();
        for (&origin, &seq) in &additions.dots {
            renamed.insert(Dot { origin: name(origin), seq }, in_force.get(&origin) == seq);
        }
        Some(renamed)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::laws::history::{World, history};
    use super::*;

    const LINEAGE: [u8; 16] = [7; 16];

    fn foreign(session: &Session) -> Session {
        session.clone().renamed(&|origin| origin.of_cluster(&LINEAGE)).unwrap()
    }

    proptest! {
        #[test]
        fn renaming_is_a_homomorphism(history in history(), picks in any::<[prop::sample::Index; 2]>()) {
            let all = World::run(&history).all();
            let [a, b] = picks.map(|pick| pick.get(&all).clone());
            let mut merged = a.clone();
            merged.merge(b.clone());
            let mut apart = foreign(&a);
            apart.merge(foreign(&b));
            prop_assert_eq!(&apart, &foreign(&merged), "merged before or after is the same");
            prop_assert_eq!(foreign(&apart), apart.clone(), "a name that is foreign stays");
            let read = Session::decode(&apart.encode(), &super::super::DecodeLimits::default());
            prop_assert_eq!(read, Ok(apart));
        }

        #[test]
        fn nobody_keeps_a_name(history in history()) {
            for session in World::run(&history).all() {
                let all_foreign = std::cell::Cell::new(true);
                let look = |origin: Origin| {
                    all_foreign.set(all_foreign.get() && origin.is_foreign());
                    origin
                };
                prop_assert!(foreign(&session).renamed(&look).is_some());
                prop_assert!(all_foreign.get());
            }
        }

        #[test]
        fn values_stay(history in history()) {
            for session in World::run(&history).all() {
                let renamed = foreign(&session);
                let Some((before, after)) = session.body().zip(renamed.body()) else { continue };
                for (name, counter) in &before.counters {
                    prop_assert_eq!(after.counters[name].value(), counter.value());
                }
                for (name, set) in &before.sets {
                    for (member, presence) in set {
                        prop_assert_eq!(after.sets[name][member].is_present(), presence.is_present());
                    }
                }
                prop_assert_eq!(after.last_seen_ms, before.last_seen_ms);
                prop_assert_eq!(after.ids.writes().len(), before.ids.writes().len());
                prop_assert_eq!(after.replays.marks().len(), before.replays.marks().len());
            }
        }
    }

    #[test]
    fn foreign_names_are_no_nodes_and_differ_between_clusters() {
        let origin = Origin { replica: ReplicaId(1), incarnation: 9 };
        let (one, other) = (origin.of_cluster(&LINEAGE), origin.of_cluster(&[8; 16]));
        assert!(one.is_foreign() && other.is_foreign() && !origin.is_foreign());
        assert_ne!(one, other);
        assert_eq!(one.of_cluster(&[8; 16]), one);
    }

    #[test]
    fn writers_that_would_become_one_are_refused() {
        let [one, two] = [1, 2].map(|id| Origin { replica: ReplicaId(id), incarnation: 1 });
        let counter = |origin| Counter::default().add(origin, 1).unwrap();
        let mut both = counter(one);
        both.merge(counter(two));
        assert_eq!(super::counter(&both, &|_| one), None);
    }
}
