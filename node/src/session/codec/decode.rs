//! Reads a session's content.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::origins::Origins;
use super::read::Reader;
use super::{DecodeError, Section, head};
use crate::session::counter::{AMOUNT_MAX, Share};
use crate::session::rotation::REPLACED_MAX;
use crate::session::{
    AuthBlock, Birth, Body, Counter, Dot, Members, Name, Presence, Register, Replaced, Replay, Replays,
    Revocation, Root, Rotation, SecretHash, Session, Stamp, Value, ValueKind, VersionVector, Write,
};

const ORDER: DecodeError = DecodeError::Malformed("entries out of order");

/// Reads content item by item; shared by the decoder and the view.
pub(crate) struct Decoder<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) origins: Origins,
    pub(crate) created_ms: u64,
}

pub(super) fn session(record: &Bytes, items_max: usize) -> Result<Session, DecodeError> {
    let mut reader = Reader::new(record, items_max);
    let (head, origins) = head::read(&mut reader)?;
    let mut decoder = Decoder { reader, origins, created_ms: head.created.wall_ms() };
    let root = if head.revoked { Root::Revoked(decoder.revocation()?) } else { Root::Live(decoder.body()?) };
    decoder.finish()?;
    if let Root::Live(body) = &root
        && body.lapsed.is_some()
        && !head.complete
    {
        return Err(DecodeError::Malformed("a lapse that is not the whole"));
    }
    let birth = Birth {
        namespace: Arc::from(head.namespace),
        created: head.created,
        absolute_deadline_ms: head.absolute_deadline_ms,
        idle_timeout_ms: head.idle_timeout_ms,
    };
    Ok(Session { birth, complete: head.complete, root })
}

impl<'a> Decoder<'a> {
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        self.origins.finish()?;
        self.reader.finish()
    }

    pub(crate) fn revocation(&mut self) -> Result<Revocation, DecodeError> {
        let (stamp, seq) = (self.stamp()?, self.seq()?);
        Ok(Revocation { stamp, seq, reason: Arc::from(self.reader.str()?) })
    }

    fn stamp(&mut self) -> Result<Stamp, DecodeError> {
        let hlc = self.reader.hlc(self.created_ms)?;
        let index = self.reader.varint()?;
        Ok(Stamp { hlc, origin: self.origins.get(index)? })
    }

    pub(crate) fn lapse(&mut self, sections: u8) -> Result<Option<Stamp>, DecodeError> {
        if Section::Lapse.is_in(sections) { self.stamp().map(Some) } else { Ok(None) }
    }

    fn body(&mut self) -> Result<Body, DecodeError> {
        let sections = Section::read(&mut self.reader)?;
        let mut body = Body { last_seen_ms: self.last_seen_ms(sections)?, ..Body::default() };
        body.lapsed = self.lapse(sections)?;
        body.ids = self.ids(sections)?;
        body.replays = self.replays(sections)?;
        if Section::Auth.is_in(sections) {
            body.auth = self.register(Self::auth)?;
        }
        if Section::Attributes.is_in(sections) {
            body.attributes = self.named(|decoder| decoder.register(Self::value))?;
        }
        if Section::Counters.is_in(sections) {
            body.counters = self.named(Self::counter)?;
        }
        if Section::Sets.is_in(sections) {
            body.sets = self.named(Self::members)?;
        }
        Ok(body)
    }

    pub(crate) fn last_seen_ms(&mut self, sections: u8) -> Result<u64, DecodeError> {
        if !Section::LastSeen.is_in(sections) {
            return Ok(0);
        }
        let last_seen_ms = self.created_ms.wrapping_add(self.reader.varint()?);
        if last_seen_ms == 0 {
            return Err(DecodeError::Malformed("a last use that says nothing"));
        }
        Ok(last_seen_ms)
    }

    pub(crate) fn ids(&mut self, sections: u8) -> Result<Register<Rotation>, DecodeError> {
        if Section::Ids.is_in(sections) { self.register(Self::rotation) } else { Ok(Register::default()) }
    }

    fn rotation(&mut self) -> Result<Option<Rotation>, DecodeError> {
        if self.reader.varint()? != 1 {
            return Err(DecodeError::Malformed("an id that was removed"));
        }
        let secret = SecretHash(self.reader.array()?);
        let cut = match self.reader.varint()? {
            0 => None,
            1 => Some(self.stamp()?),
            _ => return Err(DecodeError::Malformed("an unknown kind of rotation")),
        };
        let grace_ends_ms = self.reader.varint()?;
        let count = self.reader.usize()?;
        if count > REPLACED_MAX {
            let actual = count;
            return Err(DecodeError::TooLarge { what: "replaced ids", limit: REPLACED_MAX, actual });
        }
        let mut replaced = Vec::with_capacity(count);
        for _ in 0..count {
            self.reader.item()?;
            let secret = SecretHash(self.reader.array()?);
            replaced.push(Replaced { secret, accepted_until_ms: self.reader.varint()? });
        }
        Ok(Some(Rotation { secret, cut, grace_ends_ms, replaced }))
    }

    pub(crate) fn replays(&mut self, sections: u8) -> Result<Replays, DecodeError> {
        if !Section::Replays.is_in(sections) {
            return Ok(Replays::default());
        }
        let mut marks = Vec::new();
        for _ in 0..self.reader.varint()? {
            self.reader.item()?;
            let index = self.reader.varint()?;
            let dot = Dot { origin: self.origins.get(index)?, seq: self.seq()? };
            marks.push(Replay { hlc: self.reader.hlc(self.created_ms)?, dot });
        }
        Replays::from_marks(marks).ok_or(ORDER)
    }

    fn named<T>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<BTreeMap<Name, T>, DecodeError> {
        let mut items: Vec<(Name, T)> = Vec::new();
        let mut names = Names::default();
        while let Some(name) = names.next(&mut self.reader)? {
            items.push((Arc::from(name), read(self)?));
        }
        // From sorted items the map is built in one pass.
        Ok(items.into_iter().collect())
    }

    pub(crate) fn register<T>(
        &mut self,
        value: impl Fn(&mut Self) -> Result<Option<T>, DecodeError>,
    ) -> Result<Register<T>, DecodeError> {
        let mut writes = Vec::with_capacity(1);
        loop {
            let (dot, flags) = self.write_dot()?;
            let seen = if flags & 2 == 0 { VersionVector::new() } else { self.seen(dot)? };
            let hlc = self.reader.hlc(self.created_ms)?;
            writes.push(Write { dot, hlc, seen, value: value(self)? });
            if flags & 1 == 0 {
                break;
            }
        }
        Register::from_writes(writes).ok_or(ORDER)
    }

    /// The dot of a write, and its flags: bit 1 if it had seen others, bit 0 if another write follows.
    pub(crate) fn write_dot(&mut self) -> Result<(Dot, u64), DecodeError> {
        self.reader.item()?;
        let head = self.reader.varint()?;
        let origin = self.origins.get(head >> 2)?;
        Ok((Dot { origin, seq: self.seq()? }, head & 3))
    }

    fn seq(&mut self) -> Result<u64, DecodeError> {
        match self.reader.varint()? {
            0 => Err(DecodeError::Malformed("a write numbered 0")),
            seq => Ok(seq),
        }
    }

    fn seen(&mut self, dot: Dot) -> Result<VersionVector, DecodeError> {
        let seen = self.vector()?;
        if seen.dots.is_empty() || seen.dots.contains_key(&dot.origin) {
            return Err(DecodeError::Malformed("a causal context that repeats itself"));
        }
        Ok(seen)
    }

    fn vector(&mut self) -> Result<VersionVector, DecodeError> {
        let mut vector = VersionVector::new();
        for _ in 0..self.reader.varint()? {
            self.reader.item()?;
            let index = self.reader.varint()?;
            let origin = self.origins.get(index)?;
            ascending(vector.dots.last_key_value().map(|(last, _)| last), &origin)?;
            vector.dots.insert(origin, self.seq()?);
        }
        Ok(vector)
    }

    pub(crate) fn value(&mut self) -> Result<Option<Value>, DecodeError> {
        let head = self.reader.usize()?;
        let kind = match head & 3 {
            1 => ValueKind::Data,
            2 => ValueKind::Text,
            3 => ValueKind::Json,
            _ if head == 0 => return Ok(None),
            _ => return Err(DecodeError::Malformed("an unknown kind of value")),
        };
        Ok(Some(Value { kind, bytes: self.reader.shared(head >> 2)? }))
    }

    pub(crate) fn auth(&mut self) -> Result<Option<AuthBlock>, DecodeError> {
        let Some(level) = self.reader.varint()?.checked_sub(1) else { return Ok(None) };
        let level = u32::try_from(level).map_err(|_| DecodeError::Malformed("a level beyond 32 bits"))?;
        Ok(Some(AuthBlock {
            level,
            principal: Arc::from(self.reader.str()?),
            auth_time_ms: self.created_ms.wrapping_add(unzigzag(self.reader.varint()?)),
            methods: self.texts()?,
            roles: self.texts()?,
            csrf_secret: self.reader.bytes()?,
            epoch_seen: self.vector()?,
        }))
    }

    fn texts(&mut self) -> Result<Vec<Arc<str>>, DecodeError> {
        let mut texts = Vec::new();
        for _ in 0..self.reader.varint()? {
            self.reader.item()?;
            texts.push(Arc::from(self.reader.str()?));
        }
        Ok(texts)
    }

    fn counter(&mut self) -> Result<Counter, DecodeError> {
        let mut counter = Counter::default();
        self.shares(|share| counter.insert(share))?;
        Ok(counter)
    }

    pub(crate) fn shares(&mut self, mut found: impl FnMut(Share)) -> Result<(), DecodeError> {
        let mut last = None;
        for _ in 0..self.reader.varint()? {
            self.reader.item()?;
            let head = self.reader.varint()?;
            let origin = self.origins.get(head >> 2)?;
            ascending(last.as_ref(), &origin)?;
            last = Some(origin);
            let added = self.amount(head & 2 != 0)?;
            let subtracted = self.amount(head & 1 != 0)?;
            if added == 0 && subtracted == 0 {
                return Err(DecodeError::Malformed("an empty share of a counter"));
            }
            found(Share { origin, added, subtracted });
        }
        Ok(())
    }

    fn amount(&mut self, is_there: bool) -> Result<u64, DecodeError> {
        if !is_there {
            return Ok(0);
        }
        match self.reader.varint()? {
            amount @ 1..=AMOUNT_MAX => Ok(amount),
            _ => Err(DecodeError::Malformed("an amount out of range")),
        }
    }

    fn members(&mut self) -> Result<Members, DecodeError> {
        let mut members = Members::new();
        self.each_member(|decoder, member| {
            let mut presence = Presence::default();
            decoder.additions(|dot, in_force| presence.insert(dot, in_force))?;
            members.insert(member, presence);
            Ok(())
        })?;
        Ok(members)
    }

    pub(crate) fn each_member(
        &mut self,
        mut found: impl FnMut(&mut Self, Bytes) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut last = None;
        for _ in 0..self.reader.varint()? {
            self.reader.item()?;
            let member = self.reader.bytes()?;
            ascending(last.as_ref(), &member)?;
            last = Some(member.clone());
            found(self, member)?;
        }
        Ok(())
    }

    pub(crate) fn additions(&mut self, mut found: impl FnMut(Dot, bool)) -> Result<(), DecodeError> {
        let mut last = None;
        for _ in 0..self.reader.varint()? {
            self.reader.item()?;
            let head = self.reader.varint()?;
            let origin = self.origins.get(head >> 1)?;
            ascending(last.as_ref(), &origin)?;
            last = Some(origin);
            found(Dot { origin, seq: self.seq()? }, head & 1 == 1);
        }
        Ok(())
    }

    /// Passes over a vector.
    pub(crate) fn skip_vector(&mut self) -> Result<(), DecodeError> {
        for _ in 0..self.reader.varint()? {
            self.reader.item()?;
            let index = self.reader.varint()?;
            self.origins.get(index)?;
            self.seq()?;
        }
        Ok(())
    }
}

/// Reads a chain of names, strictly ascending.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    last: Option<&'a str>,
    ended: bool,
}

impl<'a> Names<'a> {
    pub(crate) fn next(&mut self, reader: &mut Reader<'a>) -> Result<Option<&'a str>, DecodeError> {
        if self.ended {
            return Ok(None);
        }
        reader.item()?;
        let (name, more) = reader.name()?;
        if self.last >= Some(name) {
            return Err(ORDER);
        }
        self.last = Some(name);
        self.ended = !more;
        Ok(Some(name))
    }
}

fn ascending<K: Ord>(last: Option<&K>, next: &K) -> Result<(), DecodeError> {
    if last >= Some(next) { Err(ORDER) } else { Ok(()) }
}

fn unzigzag(number: u64) -> u64 {
    (number >> 1) ^ (number & 1).wrapping_neg()
}
