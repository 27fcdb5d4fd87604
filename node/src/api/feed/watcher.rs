//! One stream: reads the log and the records from where it stands, and tells what it finds.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::FutureExt;
use prost::Message;
use sojourn_proto::feed::v1 as pb;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Interval;

use super::cursor::Cursor;
use super::request::{Filter, Watch, moved};
use crate::api::handler::Handler;
use crate::api::status::Failure;
use crate::directory::{Ends, ends};
use crate::engine::{LogEntry, LogPlace};
use crate::feed::{Due, Frontier, Happened, Offer, Progress, due, judge};
use crate::membership::MembershipWatch;
use crate::session::epoch::covers;
use crate::session::{Dot, Key, Partition, ReplicaId, Session, SessionView};

/// Entries taken from the newest part of the log in one go.
const ENTRIES_MAX: usize = 256;

/// Before every expiry.
const BEGINNING: Frontier = Frontier { ms: 0, key: Key([0; 16]) };

/// How far the stream has come in one partition.
struct Part {
    progress: Progress,
    expired: Frontier,
    /// When a session expires at the earliest, in milliseconds since the Unix epoch.
    next_expiry_ms: u64,
    /// Something may be found by vector.
    is_behind: bool,
    /// An entry came whose turn it is not; once it is, it is found by vector.
    has_early: bool,
    /// The newest cursor is not sent.
    has_moved: bool,
}

/// What is to be told next.
enum Item {
    /// Found by vector.
    Read(Partition, LogEntry),
    /// Has just entered the log.
    Entered(Arc<LogEntry>),
    /// A session's time is over.
    Expired(Partition, Frontier),
    /// No more expiries up to here.
    Looked(Partition, Frontier),
}

/// See the module.
pub(super) struct Watcher {
    handler: Arc<Handler>,
    filter: Filter,
    parts: BTreeMap<Partition, Part>,
    place: LogPlace,
    jumps: u64,
    queue: VecDeque<Item>,
    events: Vec<pb::WatchEvent>,
    bytes: usize,
    is_first: bool,
    cursors_due: bool,
    membership: MembershipWatch,
    looks: Interval,
    cursor_times: Interval,
    _permit: OwnedSemaphorePermit,
}

impl Watcher {
    pub(super) fn new(handler: Arc<Handler>, watch: Watch, permit: OwnedSemaphorePermit) -> Self {
        let engine = &handler.engine;
        // Before the vectors, so that what enters from here on is in one of them or comes after.
        let (place, jumps) = (engine.log_end(), engine.jumps());
        let now = handler.expired_until().unwrap_or_else(|| Frontier::end_of(handler.env.clock.wall_ms()));
        let part = |partition, cursor: Option<Cursor>| {
            let is_behind = cursor.is_some();
            let cursor = cursor.unwrap_or_else(|| Cursor {
                progress: Progress::after(engine.held(partition)),
                expired: now,
            });
            let Cursor { progress, expired } = cursor;
            Part { progress, expired, next_expiry_ms: 0, is_behind, has_early: true, has_moved: true }
        };
        let parts: BTreeMap<_, _> =
            watch.partitions.into_iter().map(|(it, cursor)| (it, part(it, cursor))).collect();
        let every = |interval_ms: u64| {
            let mut ticks = tokio::time::interval(Duration::from_millis(interval_ms));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            ticks
        };
        let looks = every(handler.config.feed_expiry_interval_ms);
        let cursor_times = every(handler.config.feed_cursor_interval_ms);
        let membership = handler.router.watch();
        Self {
            filter: watch.filter,
            parts,
            place,
            jumps,
            queue: VecDeque::new(),
            events: Vec::new(),
            bytes: 0,
            is_first: true,
            cursors_due: false,
            membership,
            looks,
            cursor_times,
            _permit: permit,
            handler,
        }
    }

    /// The next message; waits for something to tell.
    pub(super) async fn next(&mut self) -> Result<pb::WatchEvents, Failure> {
        if std::mem::take(&mut self.is_first) {
            return Ok(self.message());
        }
        loop {
            self.check_placement()?;
            while let Some(item) = self.queue.pop_front() {
                self.take(item).await?;
                if self.bytes >= self.handler.config.feed_message_bytes {
                    return Ok(self.message());
                }
            }
            // Not only once nothing is left to read: under load that may never be.
            self.check_times().await?;
            if !self.events.is_empty() || std::mem::take(&mut self.cursors_due) {
                return Ok(self.message());
            }
            if self.queue.is_empty() && !self.read_on().await {
                self.wait().await?;
            }
        }
    }

    fn check_placement(&mut self) -> Result<(), Failure> {
        if !self.membership.has_changed().unwrap_or(false) {
            return Ok(());
        }
        self.membership.mark_unchanged();
        let gone = self.parts.keys().find(|partition| !self.handler.router.is_here(**partition));
        gone.map_or(Ok(()), |partition| Err(moved(*partition)))
    }

    /// Everything told so far, with the cursors after it.
    fn message(&mut self) -> pb::WatchEvents {
        self.bytes = 0;
        let mut cursors = Vec::new();
        for (partition, part) in &mut self.parts {
            if std::mem::take(&mut part.has_moved) {
                cursors.push(Cursor::encode(*partition, &part.progress, part.expired));
            }
        }
        pb::WatchEvents { cursors, events: std::mem::take(&mut self.events) }
    }

    /// Queues what the log has for this stream; false if there is nothing.
    async fn read_on(&mut self) -> bool {
        if let Some(partition) = self.parts.iter().find_map(|(it, part)| part.is_behind.then_some(*it)) {
            self.read_by_vector(partition).await;
            return true;
        }
        match self.handler.engine.log_after(self.place, ENTRIES_MAX) {
            Some((entries, place)) => {
                self.place = place;
                self.queue.extend(entries.into_iter().map(Item::Entered));
            }
            // Too slow for the newest part of the log.
            None => self.go_back(),
        }
        let jumps = self.handler.engine.jumps();
        if std::mem::replace(&mut self.jumps, jumps) != jumps {
            self.parts.values_mut().for_each(|part| part.is_behind = true);
        }
        !self.queue.is_empty() || self.parts.values().any(|part| part.is_behind)
    }

    fn go_back(&mut self) {
        self.place = self.handler.engine.log_end();
        self.parts.values_mut().for_each(|part| (part.is_behind, part.has_early) = (true, true));
    }

    async fn read_by_vector(&mut self, partition: Partition) {
        let Some(part) = self.parts.get_mut(&partition) else { return };
        let beyond = self.handler.engine.entries_beyond(partition, part.progress.vector()).await;
        part.is_behind = !beyond.is_empty();
        part.has_early &=
            part.is_behind || !covers(part.progress.vector(), &self.handler.engine.seen(partition));
        part.has_moved |= part.is_behind;
        for (origin, last) in beyond.vacant {
            part.progress.pass_over(origin, last);
        }
        let has_missed = !beyond.lost.is_empty();
        for (origin, last) in beyond.lost {
            part.progress.lose(origin, last);
        }
        if has_missed {
            // Sessions may be among it that expire sooner than any that are known.
            part.next_expiry_ms = 0;
            self.tell_missed(partition, pb::Missed { changes: true, expiries: false });
        }
        self.queue.extend(beyond.entries.into_iter().map(|entry| Item::Read(partition, entry)));
    }

    async fn take(&mut self, item: Item) -> Result<(), Failure> {
        match item {
            Item::Entered(entry) => {
                let partition = self.handler.engine.partition(&entry.key);
                let Some(part) = self.parts.get_mut(&partition) else { return Ok(()) };
                match part.progress.offer(entry.dot()) {
                    Offer::Next => {
                        part.has_moved = true;
                        part.is_behind |= part.has_early;
                        self.tell_entry(partition, &entry).await;
                    }
                    Offer::Early => (part.is_behind, part.has_early) = (true, true),
                    Offer::Known => {}
                }
            }
            Item::Read(partition, entry) => {
                let Some(part) = self.parts.get_mut(&partition) else { return Ok(()) };
                if part.progress.reach(entry.dot()) {
                    part.has_moved = true;
                    self.tell_entry(partition, &entry).await;
                }
            }
            Item::Expired(partition, end) => {
                let Some(part) = self.parts.get_mut(&partition) else { return Ok(()) };
                (part.expired, part.has_moved) = (end, true);
                self.tell_expired(partition, end).await;
            }
            Item::Looked(partition, until) => {
                let Some(part) = self.parts.get_mut(&partition) else { return Ok(()) };
                (part.expired, part.has_moved) = (part.expired.max(until), true);
            }
        }
        Ok(())
    }

    async fn tell_entry(&mut self, partition: Partition, entry: &LogEntry) {
        // What is in the log was decoded when it entered.
        let Ok(fragment) = Session::decode(&entry.fragment, &self.handler.decode_limits) else { return };
        let is_of_namespace = *fragment.birth.namespace == *self.filter.namespace;
        if self.is_global(partition) {
            if let Some(ends) = ends(&fragment, entry.dot()).filter(|_| is_of_namespace) {
                self.tell_ends(partition, entry.origin.replica, &ends).await;
            }
            return;
        }
        let is_wanted = is_of_namespace && self.filter.key.is_none_or(|key| key == entry.key);
        let told = judge(&fragment, Dot { origin: entry.origin, seq: entry.seq }).filter(|_| is_wanted);
        let Some(told) = told else { return };
        let known = self.handler.known(entry.key).await;
        let is_new = matches!(told.happened, Happened::Created(_));
        let who = (entry.key, entry.origin.replica);
        let event = self.handler.tell(&self.filter, partition, who, told, &known);
        self.push(event);
        let Some(state) = known.state.filter(|_| is_new) else { return };
        self.expect_expiry(partition, entry.key, &state).await;
    }

    /// The partition of the principals.
    fn is_global(&self, partition: Partition) -> bool {
        partition == Partition::global(self.handler.partition_count)
    }

    async fn tell_ends(&mut self, partition: Partition, origin: ReplicaId, ends: &Ends) {
        let key = self.filter.key;
        let of_one = match key {
            Some(key) => self.handler.known(key).await.principal,
            None => None,
        };
        let is_wanted = (self.filter.principal.is_empty() || *self.filter.principal == *ends.principal)
            && of_one.is_none_or(|principal| *principal == *ends.principal);
        if is_wanted {
            let events = self.handler.tell_ends(&self.filter, partition, origin, ends);
            events.into_iter().for_each(|event| self.push(Some(event)));
        }
    }

    /// A new session expires with the others, or at once if it came too late for that.
    async fn expect_expiry(&mut self, partition: Partition, key: Key, state: &Bytes) {
        let Some(part) = self.parts.get_mut(&partition) else { return };
        let Ok(view) = SessionView::open(state, &self.handler.decode_limits) else { return };
        match due(key, &view, BEGINNING, part.expired) {
            Due::Now(end) => self.tell_expired(partition, end).await,
            Due::Later { expires_at_ms } => part.next_expiry_ms = part.next_expiry_ms.min(expires_at_ms),
            Due::Never => {}
        }
    }

    async fn tell_expired(&mut self, partition: Partition, end: Frontier) {
        let known = self.handler.known(end.key).await;
        if !self.is_still_over(partition, end, known.state.as_ref()) {
            return;
        }
        let event = self.handler.tell_expired(&self.filter, partition, (end.key, end.ms), &known);
        self.push(event);
    }

    /// False if a session was used or revoked since it was found to have expired.
    fn is_still_over(&mut self, partition: Partition, end: Frontier, state: Option<&Bytes>) -> bool {
        let view = state.and_then(|state| SessionView::open(state, &self.handler.decode_limits).ok());
        // What was removed was over for good.
        let Some(view) = view else { return true };
        match due(end.key, &view, BEGINNING, end) {
            Due::Now(_) => true,
            Due::Never => false,
            Due::Later { expires_at_ms } => {
                if let Some(part) = self.parts.get_mut(&partition) {
                    part.next_expiry_ms = part.next_expiry_ms.min(expires_at_ms);
                }
                false
            }
        }
    }

    fn tell_missed(&mut self, partition: Partition, missed: pb::Missed) {
        self.push(Some(pb::WatchEvent {
            partition: partition.0.into(),
            namespace: self.filter.namespace.clone(),
            event: Some(pb::watch_event::Event::Missed(missed)),
            ..pb::WatchEvent::default()
        }));
    }

    fn push(&mut self, event: Option<pb::WatchEvent>) {
        self.bytes += event.as_ref().map_or(0, Message::encoded_len);
        self.events.extend(event);
    }

    /// Queues what has expired in each partition since the last look.
    async fn look(&mut self) -> Result<(), Failure> {
        let Some(until) = self.handler.expired_until() else { return Ok(()) };
        let unknown = Frontier::end_of(self.handler.engine.removed_unknown_ms());
        let sessions: Vec<_> = self.parts.keys().copied().filter(|it| !self.is_global(*it)).collect();
        for partition in sessions {
            let Some(part) = self.parts.get_mut(&partition) else { continue };
            let has_missed = part.expired < unknown;
            part.expired = part.expired.max(unknown);
            let (told, next_ms) = (part.expired, part.next_expiry_ms);
            if has_missed {
                part.has_moved = true;
                self.tell_missed(partition, pb::Missed { changes: false, expiries: true });
            }
            if next_ms > until.ms {
                self.queue.push_back(Item::Looked(partition, until));
                continue;
            }
            let Filter { namespace, key, .. } = &self.filter;
            let found = self.handler.look_for_expired(partition, namespace, *key, told, until).await?;
            if let Some(part) = self.parts.get_mut(&partition) {
                part.next_expiry_ms = found.next_ms;
            }
            self.queue.extend(found.due.into_iter().map(|end| Item::Expired(partition, end)));
            self.queue.push_back(Item::Looked(partition, found.until));
        }
        Ok(())
    }

    async fn check_times(&mut self) -> Result<(), Failure> {
        if self.cursor_times.tick().now_or_never().is_some() {
            self.want_cursors();
        }
        if self.looks.tick().now_or_never().is_some() {
            self.look().await?;
        }
        Ok(())
    }

    fn want_cursors(&mut self) {
        self.cursors_due = self.parts.values().any(|part| part.has_moved);
    }

    /// Waits until there is something to look at.
    async fn wait(&mut self) -> Result<(), Failure> {
        let engine = Arc::clone(&self.handler.engine);
        tokio::select! {
            () = engine.log_grown(self.place, self.jumps) => {}
            _ = self.looks.tick() => self.look().await?,
            _ = self.cursor_times.tick() => self.want_cursors(),
            changed = self.membership.changed() => {
                self.membership.mark_changed();
                if changed.is_err() {
                    return Err(Failure::new(crate::api::status::Reason::NotReady, "this node is stopping"));
                }
            }
        }
        Ok(())
    }
}
