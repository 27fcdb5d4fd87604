//! A bounded map, of which the oldest entry goes first: it is the first to be too old.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use tokio::time::Instant;

use super::{FeedKey, Key};
use crate::model::{Read, Session};

/// What an entry takes beside the session's content, roughly.
const ENTRY_BYTES: usize = 512;

pub(super) struct Entry {
    /// The id that it was read by.
    pub(super) id: [u8; blake3::OUT_LEN],
    pub(super) read: Read,
    /// The token that it was read with.
    pub(super) shown: Bytes,
    pub(super) usable_until: Instant,
}

type SessionHash = [u8; blake3::OUT_LEN];

pub(super) struct Entries {
    entries_max: usize,
    bytes_max: usize,
    /// One a session, whichever of its ids it was read by.
    by_session: HashMap<SessionHash, (u64, usize, Entry)>,
    by_age: BTreeMap<u64, SessionHash>,
    /// By the name that the change feed knows them by.
    by_feed_key: HashMap<FeedKey, SessionHash>,
    next_age: u64,
    bytes: usize,
}

impl Entries {
    pub(super) fn new(entries_max: usize, bytes_max: usize) -> Self {
        let (by_session, by_age, by_feed_key) = (HashMap::new(), BTreeMap::new(), HashMap::new());
        Self { entries_max, bytes_max, by_session, by_age, by_feed_key, next_age: 0, bytes: 0 }
    }

    pub(super) fn get(&mut self, key: &Key, token: &[u8], now: Instant) -> Option<Read> {
        let (_, _, entry) = self.by_session.get(&key.session)?;
        if entry.id != key.id {
            return None;
        }
        if entry.usable_until <= now {
            self.remove(&key.session);
            return None;
        }
        let covered = token.is_empty() || token == entry.shown || token == entry.read.token.as_bytes();
        covered.then(|| entry.read.clone())
    }

    pub(super) fn put(&mut self, session: SessionHash, entry: Entry) {
        self.remove(&session);
        let bytes = ENTRY_BYTES + entry.shown.len() + bytes_of(&entry.read.session);
        if bytes > self.bytes_max {
            return;
        }
        self.by_age.insert(self.next_age, session);
        self.by_feed_key.insert(entry.read.session.feed_key, session);
        self.by_session.insert(session, (self.next_age, bytes, entry));
        self.bytes += bytes;
        self.next_age += 1;
        while self.bytes > self.bytes_max || self.by_session.len() > self.entries_max {
            let Some((_, oldest)) = self.by_age.first_key_value() else { return };
            let oldest = *oldest;
            self.remove(&oldest);
        }
    }

    pub(super) fn remove_told(&mut self, feed_key: &FeedKey) {
        if let Some(session) = self.by_feed_key.get(feed_key).copied() {
            self.remove(&session);
        }
    }

    /// Forgets the sessions of a principal.
    pub(super) fn remove_of(&mut self, principal: &str) {
        let is_its = |(_, _, entry): &&(u64, usize, Entry)| entry.read.session.principal() == Some(principal);
        let sessions: Vec<FeedKey> = self
            .by_session
            .values()
            .filter(is_its)
            .map(|(_, _, entry)| entry.read.session.feed_key)
            .collect();
        sessions.iter().for_each(|feed_key| self.remove_told(feed_key));
    }

    /// Forgets what was read of a session, by whichever id.
    pub(super) fn remove(&mut self, session: &SessionHash) {
        if let Some((age, bytes, entry)) = self.by_session.remove(session) {
            self.by_age.remove(&age);
            self.by_feed_key.remove(&entry.read.session.feed_key);
            self.bytes -= bytes;
        }
    }
}

fn bytes_of(session: &Session) -> usize {
    let attributes = session.attributes.iter().map(|(name, value)| name.len() + value.as_bytes().len());
    let counters = session.counters.keys().map(|name| name.len() + size_of::<i64>());
    let sets = session.sets.iter().map(|(name, set)| name.len() + set.iter().map(Bytes::len).sum::<usize>());
    let auth = session.auth.iter().map(|auth| {
        let texts = auth.methods.iter().chain(&auth.roles).map(String::len).sum::<usize>();
        auth.principal.len() + auth.csrf_secret.len() + texts
    });
    attributes.chain(counters).chain(sets).chain(auth).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::CausalToken;
    use crate::runtime;

    fn key(number: usize) -> Key {
        Key::of("shop", &number.to_string())
    }

    fn entry(number: usize, content_bytes: usize) -> Entry {
        let mut session = Session::default();
        session.attributes.insert("a".to_owned(), "x".repeat(content_bytes).into());
        let read = Read {
            session,
            token: CausalToken::from_bytes("came"),
            replica_id: 1,
            id_replaced: false,
            revocations_staleness_ms: BTreeMap::new(),
        };
        Entry {
            id: key(number).id,
            read,
            shown: "shown".into(),
            usable_until: runtime::now() + Duration::from_secs(1),
        }
    }

    #[test]
    fn an_entry_is_served_until_it_is_too_old() {
        let mut entries = Entries::new(10, 10_000);
        entries.put(key(1).session, entry(1, 1));
        let now = runtime::now();
        assert!(entries.get(&key(1), b"", now).is_some());
        assert!(entries.get(&key(1), b"", now + Duration::from_secs(2)).is_none());
        assert!(entries.get(&key(1), b"", now).is_none(), "gone for good");
        assert_eq!((entries.bytes, entries.by_age.len()), (0, 0));
    }

    #[test]
    fn a_token_must_be_one_that_the_entry_is_known_to_cover() {
        let mut entries = Entries::new(10, 10_000);
        entries.put(key(1).session, entry(1, 1));
        let served =
            |entries: &mut Entries, token: &[u8]| entries.get(&key(1), token, runtime::now()).is_some();
        assert!(served(&mut entries, b"came") && served(&mut entries, b"shown"));
        assert!(!served(&mut entries, b"newer"));
    }

    #[test]
    fn what_was_read_by_one_id_is_not_served_by_another_and_goes_with_the_session() {
        let (first, rotated) = (Key::of("shop", "1"), Key::of("shop", "1~secret"));
        let mut entries = Entries::new(10, 10_000);
        let kept = Entry { id: rotated.id, ..entry(1, 1) };
        entries.put(rotated.session, kept);
        assert!(entries.get(&first, b"", runtime::now()).is_none());
        assert!(entries.get(&rotated, b"", runtime::now()).is_some());
        entries.remove(&first.session);
        assert!(entries.get(&rotated, b"", runtime::now()).is_none());
    }

    #[test]
    fn the_oldest_make_room() {
        let mut entries = Entries::new(3, 1 << 20);
        (0..5).for_each(|number| entries.put(key(number).session, entry(number, 1)));
        let kept: Vec<usize> =
            (0..5).filter(|number| entries.get(&key(*number), b"", runtime::now()).is_some()).collect();
        assert_eq!(kept, [2, 3, 4]);

        let mut entries = Entries::new(100, 3 * (ENTRY_BYTES + 100));
        (0..5).for_each(|number| entries.put(key(number).session, entry(number, 80)));
        assert_eq!(entries.by_session.len(), 3);
        entries.put(key(9).session, entry(9, 5_000));
        assert_eq!(entries.by_session.len(), 3, "what is larger than all room is not kept");
    }

    #[test]
    fn room_is_counted_once_however_often_an_entry_is_put() {
        let mut entries = Entries::new(10, 10_000);
        (0..50).for_each(|_| entries.put(key(1).session, entry(1, 100)));
        assert_eq!(entries.by_session.len(), 1);
        entries.remove(&key(1).session);
        assert_eq!((entries.bytes, entries.by_age.len()), (0, 0));
    }
}
