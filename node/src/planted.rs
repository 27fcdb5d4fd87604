//! Small faults, planted so that the simulator can prove that it finds such.
//!
//! They are compiled in only with the feature `planted-bugs`, and even then none
//! is active until a simulation names one for its own thread. The pure rooms
//! ask a thread-local for it, which they otherwise may not: a release has no
//! trace of the question, since `planted!` is the literal `false` there.
//!
//! Each is one condition at one place in the path that clients use: a mistake
//! that a person could make.

macro_rules! plants {
    (
        core { $($core:ident $core_name:literal $core_what:literal),* $(,)? }
        full { $($full:ident $full_name:literal $full_what:literal),* $(,)? }
    ) => {
        /// A planted fault. Where nothing else is said, both levels of simulation can see it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Plant {
            $(#[doc = $core_what] $core,)*
            $(#[doc = concat!($full_what, " Only the full level can see it.")] $full),*
        }

        impl Plant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$core,)* $(Self::$full),*];

            /// Its name on a command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$core => $core_name,)* $(Self::$full => $full_name),* }
            }

            /// What it breaks, in words.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self { $(Self::$core => $core_what,)* $(Self::$full => $full_what),* }
            }

            /// Whether it is in code that the simulator's core level runs too: everything
            /// but the API and the tasks that carry links.
            #[must_use]
            pub fn is_in_core(self) -> bool {
                match self { $(Self::$core => true,)* $(Self::$full => false),* }
            }
        }
    };
}

plants! {
    core {
        // Session.
        MergeForgetsSets "merge-forgets-sets" "A session that has a set takes over nobody else's sets (I1).",
        FirstValueStays "first-value-stays" "Of concurrent values the one that came first stays, so replicas differ (I1).",
        CounterSendsTheStep "counter-sends-the-step" "A counter's fragment holds the step in place of the sum, and the greater of the two wins (I3).",
        RemovalBeatsUnseenAdd "removal-beats-unseen-add" "Removing a member also takes additions that the removal had not seen (I1, I3).",
        LaterUseBeatsRevocation "later-use-beats-revocation" "A use stamped later than a revocation brings the session back (I5, I6).",
        LogoutEverywhereEndsOne "logout-everywhere-ends-one" "A logout everywhere spares all sessions that are listed but one (I7).",
        LastSeenGoesBack "last-seen-goes-back" "The last use is the one that was merged last, not the latest (I1).",
        IdleIsNotJudged "idle-is-not-judged" "A session that lay idle for too long is live until its absolute deadline (I8).",
        PartialIsServed "partial-is-served" "A record of which only fragments are here passes for the whole (I1, I3).",
        UseUndoesRotation "use-undoes-rotation" "A later use that is merged takes a session back to its first id (I12).",
        ReplacedIdIsAccepted "replaced-id-is-accepted" "An id is accepted for ever after its rotation (I12).",
        GraceOutlivesLogin "grace-outlives-login" "A rotation without grace leaves the graces of earlier ones (I12).",
        LaterRoutineBeatsLogin "later-routine-beats-login" "Of rotations at the same time the later one holds, though another left no grace (I12).",
        FutureStampMovesClock "future-stamp-moves-clock" "Stamps far ahead of the wall clock are absorbed and drag the clock along (I21).",
        // The step.
        TouchExtendsAbsolute "touch-extends-absolute" "A touch moves the absolute deadline (I9).",
        ExpiredIsUpdated "expired-is-updated" "An expired session takes updates and touches (I8).",
        CreateOverRevoked "create-over-revoked" "The id of a revoked session can be used again (I5).",
        LoginKeepsTheOneBefore "login-keeps-the-one-before" "A login does not supersede the one before it if another node made that (I10).",
        // The engine.
        AcknowledgeBeforeSync "acknowledge-before-sync" "A synced write is answered before its block is on the disk (I3).",
        RetryAppliesTwice "retry-applies-twice" "A retry with the same idempotency key is carried out again (I23).",
        VectorSkipsHoles "vector-skips-holes" "An entry that comes early makes the ones before it count as held (I1, I10).",
        TokenLeavesOutOwnWrite "token-leaves-out-own-write" "The causal token of a write does not name it (I10).",
        TokenIsBelieved "token-is-believed" "What a causal token names counts as held, so nobody sends it any more (I11).",
        PoisonIsApplied "poison-is-applied" "Entries that lie about who wrote what are applied (I20).",
        PoisonIsPassedOn "poison-is-passed-on" "A refused entry is confirmed and passed on (I20).",
        RemovalHasNoMargin "removal-has-no-margin" "A record is removed at its absolute deadline, though clocks differ (I16).",
        RevokedIsSweptAtOnce "revoked-is-swept-at-once" "A revocation is forgotten by the next sweep, before its absolute deadline (I16, I6).",
        DiskErrorsIgnored "disk-errors-ignored" "A write or sync of the log that fails counts as done (I22).",
        CorruptIsAbsent "corrupt-is-absent" "A record that the disk has damaged passes for one that was never there (I1, I22).",
        IncarnationStays "incarnation-stays" "A restart does not advance the incarnation, so dots come twice (I1, I3).",
        ClockGoesBackAtStart "clock-goes-back-at-start" "A restart forgets the highest stamp, so the clock may go back (I21).",
        ReplayDropsLastBlock "replay-drops-last-block" "A restart does not read the log's last block (I3).",
        ReplayDropsRevocations "replay-drops-revocations" "A restart leaves out the revocations in the log (I5).",
        CheckpointAheadOfRecords "checkpoint-ahead-of-records" "A checkpoint's vectors name a write whose record waits for the next checkpoint (I1, I3).",
        TransferDropsRevocations "transfer-drops-revocations" "A state that is revoked is left out when a partition is taken over (I6).",
        // Replication.
        DigestsAreNotTold "digests-are-not-told" "Peers whose version vectors agree never compare what they hold (I17).",
        GossipTrustsAnyHash "gossip-trusts-any-hash" "A peer that starts an exchange passes for one that holds everything (I1, I17).",
        BufferHasNoBound "buffer-has-no-bound" "What waits for a slow peer is kept in memory without a bound (I18).",
        TruncationIsNotTold "truncation-is-not-told" "A peer beyond the log's reach is not told that it must ask for the records (I17).",
        DecoderMixesOrigins "decoder-mixes-origins" "Numbers of relayed entries are counted from the sender's own (I1).",
        MajorityIsHalf "majority-is-half" "A majority is one replica short (I4).",
        EachQuorumIsLocal "each-quorum-is-local" "A quorum in each region asks the own region alone (I3).",
        AcksCountAnyRegion "acks-count-any-region" "Confirmations count for every region, whichever they came from (I3).",
        FreshBeforeItCame "fresh-before-it-came" "A node says that it is as fresh as what its peers told, though what they named has not come (I13).",
        ReceiptOfAMajority "receipt-of-a-majority" "A receipt says that a region has applied a logout once a majority of its replicas has (I13).",
        RemovedNodeIsHeard "removed-node-is-heard" "A removed node may open replication links (I15).",
        TransferIsNotConfirmed "transfer-is-not-confirmed" "What came in a transfer is not confirmed to those who wait for it (I17).",
        TokenForgetsRepairs "token-forgets-repairs" "A token does not name what a quorum read has brought ahead of its entries (I10).",
        StampsStayAhead "stamps-stay-ahead" "A node goes on from stamps far ahead, though its clock is right again (I21).",
        TokenForgetsAtStart "token-forgets-at-start" "A token does not name what a quorum read brought before a restart (I10).",
        TokenForgetsTransfers "token-forgets-transfers" "A token does not name what has come in a transfer that has not ended (I10).",
        ReceiptOfOwnVector "receipt-of-own-vector" "Who finds a logout done gives a receipt of all that its own vector names, not of the logout (I13).",
        OverIsNotMerged "over-is-not-merged" "An entry of a session that is over changes nothing, though the session is held (I13).",
        OverIsWaitedFor "over-is-waited-for" "A damaged record of a session that is over is waited for all the same (I1).",
        GoneIsWaitedFor "gone-is-waited-for" "A damaged record that all others had and dropped is waited for all the same (I1).",
        IdleIsEndedUnasked "idle-is-ended-unasked" "A session that lay idle here is ended, though it may have been used elsewhere (I8).",
        // Membership.
        IdsByCount "ids-by-count" "A new node's id is the number of living nodes and one, so a removed one makes ids come twice (I15).",
        RemovedNodeIsLetIn "removed-node-is-let-in" "A removed node comes back with its old disk and id (I15).",
        WipedNodeIsLetIn "wiped-node-is-let-in" "A name that is in use is given to a node with another disk (I15).",
    }
    full {
        // The change feed.
        FeedBeginsTooLate "feed-begins-too-late" "A change feed that is taken up from a cursor begins one write too late (I25).",
        FeedTellsTwice "feed-tells-twice" "The change feed tells what comes in although it has read it from the log (I25).",
        // The API.
        TokenIsIgnored "token-is-ignored" "A call does not wait for what its causal token names (I10).",
        ReplacedIdIsRead "replaced-id-is-read" "A read does not ask whether the id was replaced (I12).",
        QuorumReadIsNotMerged "quorum-read-is-not-merged" "A read at a quorum answers from its own replica alone (I4).",
    }
}

thread_local! {
    static ACTIVE: std::cell::Cell<Option<Plant>> = const { std::cell::Cell::new(None) };
}

/// Makes one fault active in this thread, or none.
pub fn activate(plant: Option<Plant>) {
    ACTIVE.set(plant);
}

/// Whether a fault is active in this thread.
#[must_use]
pub fn is_active(plant: Plant) -> bool {
    ACTIVE.get() == Some(plant)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_kebab_case() {
        let names: BTreeSet<&str> = Plant::ALL.iter().map(|plant| plant.name()).collect();
        assert_eq!(names.len(), Plant::ALL.len());
        for plant in Plant::ALL {
            let mut kebab = String::new();
            for letter in format!("{plant:?}").chars() {
                if letter.is_uppercase() && !kebab.is_empty() {
                    kebab.push('-');
                }
                kebab.extend(letter.to_lowercase());
            }
            assert_eq!(plant.name(), kebab);
        }
    }

    #[test]
    fn one_is_active_in_its_own_thread() {
        activate(Some(Plant::AcknowledgeBeforeSync));
        assert!(is_active(Plant::AcknowledgeBeforeSync) && !is_active(Plant::VectorSkipsHoles));
        let elsewhere = std::thread::spawn(|| is_active(Plant::AcknowledgeBeforeSync));
        assert!(!elsewhere.join().unwrap());
        activate(None);
        assert!(!is_active(Plant::AcknowledgeBeforeSync));
    }
}
