//! Writes a session's content.

use super::origins::Origins;
use super::write::Writer;
use super::{Section, head};
use crate::session::counter::Share;
use crate::session::{
    AuthBlock, Body, Counter, Members, Presence, Register, Replays, Root, Rotation, Session, Stamp, Value,
    ValueKind, VersionVector,
};

struct Encoder {
    out: Writer,
    origins: Origins,
    created_ms: u64,
}

pub(super) fn session(session: &Session) -> Vec<u8> {
    let origins = Origins::of(session);
    let mut out = Writer { out: Vec::with_capacity(256) };
    let revoked = matches!(session.root, Root::Revoked(_));
    head::write(&mut out, &session.birth, &origins, revoked, session.complete);
    let mut encoder = Encoder { out, origins, created_ms: session.birth.created.wall_ms() };
    match &session.root {
        Root::Live(body) => encoder.body(body),
        Root::Revoked(revocation) => {
            encoder.stamp(revocation.stamp);
            encoder.out.varint(revocation.seq);
            encoder.out.bytes(revocation.reason.as_bytes());
        }
    }
    encoder.out.out
}

impl Encoder {
    fn body(&mut self, body: &Body) {
        let attributes: Vec<_> =
            body.attributes.iter().filter(|(_, register)| !register.is_empty()).collect();
        let sections = Section::LastSeen.bit_if(body.last_seen_ms != 0)
            | Section::Lapse.bit_if(body.lapsed.is_some())
            | Section::Ids.bit_if(!body.ids.is_empty())
            | Section::Replays.bit_if(!body.replays.is_empty())
            | Section::Auth.bit_if(!body.auth.is_empty())
            | Section::Attributes.bit_if(!attributes.is_empty())
            | Section::Counters.bit_if(!body.counters.is_empty())
            | Section::Sets.bit_if(!body.sets.is_empty());
        self.out.byte(sections);
        if body.last_seen_ms != 0 {
            self.out.varint(body.last_seen_ms.wrapping_sub(self.created_ms));
        }
        if let Some(lapsed) = body.lapsed {
            self.stamp(lapsed);
        }
        self.register(&body.ids, Self::rotation);
        self.replays(&body.replays);
        self.register(&body.auth, Self::auth);
        self.named(attributes.into_iter(), |encoder, register| encoder.register(register, Self::value));
        self.named(body.counters.iter(), Self::counter);
        self.named(body.sets.iter(), Self::members);
    }

    fn named<'b, T: 'b>(
        &mut self,
        items: impl ExactSizeIterator<Item = (&'b crate::session::Name, &'b T)>,
        write: impl Fn(&mut Self, &T),
    ) {
        let mut left = items.len();
        for (name, item) in items {
            left -= 1;
            self.out.name(name, left > 0);
            write(self, item);
        }
    }

    fn register<T>(&mut self, register: &Register<T>, value: impl Fn(&mut Self, Option<&T>)) {
        let writes = register.writes();
        for (i, write) in writes.iter().enumerate() {
            let more = u64::from(i + 1 < writes.len());
            let has_seen = u64::from(!write.seen.dots.is_empty());
            self.out.varint(self.origins.index(write.dot.origin) << 2 | has_seen << 1 | more);
            self.out.varint(write.dot.seq);
            if has_seen == 1 {
                self.vector(&write.seen);
            }
            self.out.hlc(write.hlc, self.created_ms);
            value(self, write.value.as_ref());
        }
    }

    fn stamp(&mut self, stamp: Stamp) {
        self.out.hlc(stamp.hlc, self.created_ms);
        self.out.varint(self.origins.index(stamp.origin));
    }

    fn vector(&mut self, vector: &VersionVector) {
        self.out.varint(vector.dots.len() as u64);
        for (&origin, &seq) in &vector.dots {
            self.out.varint(self.origins.index(origin));
            self.out.varint(seq);
        }
    }

    fn value(&mut self, value: Option<&Value>) {
        let Some(value) = value else { return self.out.varint(0) };
        let kind = match value.kind {
            ValueKind::Data => 1,
            ValueKind::Text => 2,
            ValueKind::Json => 3,
        };
        self.out.varint((value.bytes.len() as u64) << 2 | kind);
        self.out.raw(&value.bytes);
    }

    fn rotation(&mut self, rotation: Option<&Rotation>) {
        // An id is replaced and never removed: the decoder refuses what says otherwise.
        let Some(rotation) = rotation else { return self.out.varint(0) };
        self.out.varint(1);
        self.out.raw(&rotation.secret.0);
        self.out.varint(u64::from(rotation.cut.is_some()));
        if let Some(cut) = rotation.cut {
            self.stamp(cut);
        }
        self.out.varint(rotation.grace_ends_ms);
        self.out.varint(rotation.replaced.len() as u64);
        for replaced in &rotation.replaced {
            self.out.raw(&replaced.secret.0);
            self.out.varint(replaced.accepted_until_ms);
        }
    }

    fn replays(&mut self, replays: &Replays) {
        if replays.is_empty() {
            return;
        }
        self.out.varint(replays.marks().len() as u64);
        for mark in replays.marks() {
            self.out.varint(self.origins.index(mark.dot.origin));
            self.out.varint(mark.dot.seq);
            self.out.hlc(mark.hlc, self.created_ms);
        }
    }

    fn auth(&mut self, auth: Option<&AuthBlock>) {
        let Some(auth) = auth else { return self.out.varint(0) };
        self.out.varint(u64::from(auth.level) + 1);
        self.out.bytes(auth.principal.as_bytes());
        self.out.varint(zigzag(auth.auth_time_ms.wrapping_sub(self.created_ms)));
        for list in [&auth.methods, &auth.roles] {
            self.out.varint(list.len() as u64);
            list.iter().for_each(|text| self.out.bytes(text.as_bytes()));
        }
        self.out.bytes(&auth.csrf_secret);
        self.vector(&auth.epoch_seen);
    }

    fn counter(&mut self, counter: &Counter) {
        self.out.varint(counter.shares().len() as u64);
        for Share { origin, added, subtracted } in counter.shares() {
            let sides = u64::from(added > 0) << 1 | u64::from(subtracted > 0);
            self.out.varint(self.origins.index(origin) << 2 | sides);
            for amount in [added, subtracted].into_iter().filter(|&amount| amount > 0) {
                self.out.varint(amount);
            }
        }
    }

    fn members(&mut self, members: &Members) {
        self.out.varint(members.len() as u64);
        for (member, presence) in members {
            self.out.bytes(member);
            self.presence(presence);
        }
    }

    fn presence(&mut self, presence: &Presence) {
        let (additions, in_force) = presence.clocks();
        self.out.varint(additions.dots.len() as u64);
        for (&origin, &seq) in &additions.dots {
            // Of one origin only the last addition can be in force.
            let present = u64::from(in_force.get(&origin) == seq);
            self.out.varint(self.origins.index(origin) << 1 | present);
            self.out.varint(seq);
        }
    }
}

/// Small distances in either direction become small numbers.
#[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)]
fn zigzag(number: u64) -> u64 {
    let signed = number as i64;
    ((signed << 1) ^ (signed >> 63)) as u64
}
