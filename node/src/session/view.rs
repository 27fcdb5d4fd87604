//! Reads an encoded session in place, without building its CRDTs: the path of every read.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::codec::{self, DecodeError, DecodeLimits, Decoder, Head, Names, Reader, Section};
use super::presence::Members;
use super::state::{Judged, expires_at_ms};
use super::{
    AuthBlock, Birth, Body, IdVerdict, Liveness, Register, Replays, Revocation, Root, Rotation, SecretHash,
    Session, Stamp, Value, counter,
};

/// The head of an encoded session: enough to tell whether it may be served.
pub struct SessionView<'a> {
    head: Head<'a>,
    rest: Decoder<'a>,
    sections: u8,
    last_seen_ms: u64,
    lapsed: Option<Stamp>,
    ids: Register<Rotation>,
    replays: Replays,
    revocation: Option<Revocation>,
}

/// The content of a session as its user sees it: every conflict resolved, names ascending.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Content<'a> {
    /// The login that holds.
    pub auth: Option<AuthBlock>,
    /// Attributes that have a value.
    pub attributes: Vec<(&'a str, Value)>,
    /// Counters.
    pub counters: Vec<(&'a str, i64)>,
    /// Sets with their present members, ascending.
    pub sets: Vec<(&'a str, Vec<Bytes>)>,
}

impl fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names and members are the user's: only their numbers may reach a log.
        f.debug_struct("Content")
            .field("auth", &self.auth)
            .field("attributes", &self.attributes.len())
            .field("counters", &self.counters.len())
            .field("sets", &self.sets.len())
            .finish()
    }
}

impl fmt::Debug for SessionView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionView").field("head", &self.head).finish_non_exhaustive()
    }
}

impl<'a> SessionView<'a> {
    /// Reads the head of a record.
    ///
    /// # Errors
    /// [`DecodeError`] if it is beyond the limits or malformed.
    pub fn open(record: &'a Bytes, limits: &DecodeLimits) -> Result<Self, DecodeError> {
        limits.check_len(record)?;
        let mut reader = Reader::new(record, limits.items_max);
        let (head, origins) = codec::read_head(&mut reader)?;
        let mut rest = Decoder { reader, origins, created_ms: head.created.wall_ms() };
        let (mut sections, mut last_seen_ms, mut lapsed, mut revocation) = (0, 0, None, None);
        let (mut ids, mut replays) = (Register::default(), Replays::default());
        if head.revoked {
            revocation = Some(rest.revocation()?);
        } else {
            sections = Section::read(&mut rest.reader)?;
            last_seen_ms = rest.last_seen_ms(sections)?;
            lapsed = rest.lapse(sections)?;
            ids = rest.ids(sections)?;
            replays = rest.replays(sections)?;
        }
        Ok(Self { head, rest, sections, last_seen_ms, lapsed, ids, replays, revocation })
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &'a str {
        self.head.namespace
    }

    /// When and by whom it was created.
    #[must_use]
    pub fn created(&self) -> Stamp {
        self.head.created
    }

    /// When it ends whatever happens, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn absolute_deadline_ms(&self) -> u64 {
        self.head.absolute_deadline_ms
    }

    /// How long it may lie idle, in milliseconds.
    #[must_use]
    pub fn idle_timeout_ms(&self) -> u64 {
        self.head.idle_timeout_ms
    }

    /// The last known use, in milliseconds since the Unix epoch; 0 if unknown or revoked.
    #[must_use]
    pub fn last_seen_ms(&self) -> u64 {
        self.last_seen_ms
    }

    /// Same as [`Register::judge`]. Of a revoked session nothing of its ids is known.
    #[must_use]
    pub fn judge_id(&self, shown: &SecretHash, now_ms: u64) -> IdVerdict {
        self.ids.judge(shown, now_ms)
    }

    /// The rotations of the id.
    #[must_use]
    pub fn ids(&self) -> &Register<Rotation> {
        &self.ids
    }

    /// Uses of ids that had been replaced.
    #[must_use]
    pub fn replays(&self) -> &Replays {
        &self.replays
    }

    /// False if only fragments of the session are here.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.head.complete
    }

    /// How it ended, if it was revoked.
    #[must_use]
    pub fn revocation(&self) -> Option<&Revocation> {
        self.revocation.as_ref()
    }

    /// When and by whom it was ended for lying idle.
    #[must_use]
    pub fn lapsed(&self) -> Option<Stamp> {
        self.lapsed
    }

    /// The session without its content: enough to judge its deadlines.
    #[must_use]
    pub fn head(&self) -> Session {
        let Head { complete, namespace, created, absolute_deadline_ms, idle_timeout_ms, .. } = self.head;
        let body = Body { last_seen_ms: self.last_seen_ms, lapsed: self.lapsed, ..Body::default() };
        let birth = Birth { namespace: Arc::from(namespace), created, absolute_deadline_ms, idle_timeout_ms };
        let root = self.revocation.clone().map_or(Root::Live(body), Root::Revoked);
        Session { birth, complete, root }
    }

    /// Same as [`super::Session::has_ended`].
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.head.revoked || self.lapsed.is_some()
    }

    /// Same as [`super::Session::expires_at_ms`].
    #[must_use]
    pub fn expires_at_ms(&self) -> u64 {
        if self.head.revoked {
            return self.head.absolute_deadline_ms;
        }
        expires_at_ms(self.head.absolute_deadline_ms, self.head.idle_timeout_ms, self.last_seen_ms)
    }

    /// Same as [`super::Session::liveness`].
    #[must_use]
    pub fn liveness(&self, now_ms: u64) -> Liveness {
        Judged {
            revoked: self.head.revoked,
            lapsed: self.lapsed.is_some(),
            complete: self.head.complete,
            absolute_deadline_ms: self.head.absolute_deadline_ms,
            expires_at_ms: self.expires_at_ms(),
        }
        .at(now_ms)
    }

    /// Reads and resolves the login alone; none if nobody has logged in, or if revoked.
    ///
    /// # Errors
    /// [`DecodeError`] if the record is malformed.
    pub fn login(mut self) -> Result<Option<AuthBlock>, DecodeError> {
        if Section::Auth.is_in(self.sections) { self.auth() } else { Ok(None) }
    }

    /// Reads and resolves the content; empty if revoked. Values share the record's memory.
    ///
    /// # Errors
    /// [`DecodeError`] if the record is malformed. The view checks what it must
    /// rely on; only [`super::Session::decode`] checks every rule of the format.
    pub fn content(mut self) -> Result<Content<'a>, DecodeError> {
        let mut content = Content::default();
        if Section::Auth.is_in(self.sections) {
            content.auth = self.auth()?;
        }
        if Section::Attributes.is_in(self.sections) {
            content.attributes.reserve(8);
            self.each_name(|view, name| {
                let value = view.attribute()?;
                content.attributes.extend(value.map(|value| (name, value)));
                Ok(())
            })?;
        }
        if Section::Counters.is_in(self.sections) {
            self.each_name(|view, name| {
                content.counters.push((name, view.counter()?));
                Ok(())
            })?;
        }
        if Section::Sets.is_in(self.sections) {
            self.each_name(|view, name| {
                content.sets.push((name, view.members()?));
                Ok(())
            })?;
        }
        self.rest.finish()?;
        Ok(content)
    }

    fn each_name(
        &mut self,
        mut read: impl FnMut(&mut Self, &'a str) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut names = Names::default();
        while let Some(name) = names.next(&mut self.rest.reader)? {
            read(self, name)?;
        }
        Ok(())
    }

    fn auth(&mut self) -> Result<Option<AuthBlock>, DecodeError> {
        Ok(self.rest.register(Decoder::auth)?.lowest_privilege().and_then(|write| write.value.clone()))
    }

    fn attribute(&mut self) -> Result<Option<Value>, DecodeError> {
        let mut best: Option<(Stamp, Value)> = None;
        loop {
            let (dot, flags) = self.rest.write_dot()?;
            if flags & 2 != 0 {
                self.rest.skip_vector()?;
            }
            let hlc = self.rest.reader.hlc(self.rest.created_ms)?;
            let stamp = Stamp { hlc, origin: dot.origin };
            if let Some(value) = self.rest.value()?
                && best.as_ref().is_none_or(|(highest, _)| stamp > *highest)
            {
                best = Some((stamp, value));
            }
            if flags & 1 == 0 {
                return Ok(best.map(|(_, value)| value));
            }
        }
    }

    fn counter(&mut self) -> Result<i64, DecodeError> {
        let mut sum = 0;
        self.rest.shares(|share| sum += share.sum())?;
        Ok(counter::clamp(sum))
    }

    fn members(&mut self) -> Result<Vec<Bytes>, DecodeError> {
        let mut present = Vec::new();
        self.rest.each_member(|decoder, member| {
            let mut is_present = false;
            decoder.additions(|_, in_force| is_present |= in_force)?;
            present.extend(is_present.then_some(member));
            Ok(())
        })?;
        Ok(present)
    }
}

impl<'a> From<&'a super::Body> for Content<'a> {
    /// What the view of an encoded body yields.
    fn from(body: &'a super::Body) -> Self {
        let present = |members: &Members| -> Vec<Bytes> {
            members.iter().filter(|(_, it)| it.is_present()).map(|(member, _)| member.clone()).collect()
        };
        Self {
            auth: body.auth.lowest_privilege().and_then(|write| write.value.clone()),
            attributes: body
                .attributes
                .iter()
                .filter_map(|(name, register)| Some((name.as_ref(), register.value()?.clone())))
                .collect(),
            counters: body.counters.iter().map(|(name, counter)| (name.as_ref(), counter.value())).collect(),
            sets: body.sets.iter().map(|(name, members)| (name.as_ref(), present(members))).collect(),
        }
    }
}
