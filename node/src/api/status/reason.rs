//! Machine-readable reasons, each with its status code.

use tonic::Code;

/// Pause before a retry that may help, where the cause says nothing better, in milliseconds.
const RETRY_AFTER_MS: u32 = 50;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $code:ident, $retry:expr;)*) => {
        /// Why a call failed. The name on the wire never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The gRPC status code.
            #[must_use]
            pub fn code(self) -> Code {
                match self { $(Self::$name => Code::$code,)* }
            }

            /// How long to wait before a retry, in milliseconds; 0: a retry does not help.
            #[must_use]
            pub fn retry_after_ms(self) -> u32 {
                match self { $(Self::$name => $retry,)* }
            }
        }
    };
}

reasons! {
    /// A field is missing, malformed or contradicts another. Metadata: field, allowed.
    InvalidField = "INVALID_FIELD", InvalidArgument, 0;
    /// Something is larger than the node's configuration allows. Metadata: field, limit, actual.
    LimitExceeded = "LIMIT_EXCEEDED", InvalidArgument, 0;
    /// The number of a consistency level is not known. Metadata: field, actual, allowed.
    UnknownConsistency = "UNKNOWN_CONSISTENCY", InvalidArgument, 0;
    /// The number of a durability level is not known. Metadata: field, actual, allowed.
    UnknownDurability = "UNKNOWN_DURABILITY", InvalidArgument, 0;
    /// `CONSISTENCY_EACH_QUORUM` was asked for on a read. Metadata: field, allowed.
    ConsistencyNotForReads = "CONSISTENCY_NOT_FOR_READS", InvalidArgument, 0;
    /// A causal token was not made by this version of Sojourn, or was damaged.
    MalformedToken = "MALFORMED_TOKEN", InvalidArgument, 0;
    /// A cursor of the change feed was not made by this version of Sojourn, or was damaged.
    MalformedCursor = "MALFORMED_CURSOR", InvalidArgument, 0;
    /// This node does not hold a partition of the change feed, or no longer. Metadata: partition.
    PartitionMoved = "PARTITION_MOVED", Unavailable, RETRY_AFTER_MS;
    /// Records were exported by a cluster with another cluster key.
    ForeignClusterKey = "FOREIGN_CLUSTER_KEY", FailedPrecondition, 0;
    /// The node's configuration does not take ids minted elsewhere.
    AdoptedIdRefused = "ADOPTED_ID_REFUSED", FailedPrecondition, 0;
    /// No live session has this id: unknown, expired, or not yet here.
    SessionNotFound = "SESSION_NOT_FOUND", NotFound, 0;
    /// The principal has as many sessions as the namespace's policy allows. Metadata: limit, actual.
    TooManySessions = "TOO_MANY_SESSIONS", FailedPrecondition, 0;
    /// The session was ended for ever. Metadata: `revoke_reason`; `revoked_at_ms` if it was ended
    /// by itself and not through its principal.
    SessionRevoked = "SESSION_REVOKED", FailedPrecondition, 0;
    /// An attribute does not hold what `expected_here` says at the replica that was asked;
    /// nothing was changed. Metadata: `index`.
    NotAsExpected = "NOT_AS_EXPECTED", Aborted, 0;
    /// The id was replaced by a rotation, and is accepted no more. Metadata: `rotated_at_ms`.
    SessionRotated = "SESSION_ROTATED", FailedPrecondition, 0;
    /// The id was replaced by a rotation a moment ago: it is accepted for a while, but not
    /// to rotate it again. Nothing was changed.
    SessionAlreadyRotated = "SESSION_ALREADY_ROTATED", FailedPrecondition, 0;
    /// A session of this id exists or existed.
    SessionExists = "SESSION_EXISTS", AlreadyExists, 0;
    /// An idempotency key was used for another change of the same session.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", InvalidArgument, 0;
    /// This replica does not have what the causal token names within the deadline.
    NotYet = "NOT_YET", Unavailable, RETRY_AFTER_MS;
    /// Applied here, but not confirmed by enough replicas in time.
    /// Metadata: applied (true), reached, missing (regions with counts), `applied_regions`,
    /// `pending_regions` (names), `causal_token` (base64url), `replica_id`; of a creation
    /// and of a rotation `session_id`.
    ConsistencyNotReached = "CONSISTENCY_NOT_REACHED", DeadlineExceeded, 0;
    /// Too few replicas answered a read in time. Nothing was changed. Metadata: reached, missing.
    ReadConsistencyNotReached = "READ_CONSISTENCY_NOT_REACHED", Unavailable, RETRY_AFTER_MS;
    /// What this node knows of revocations is older than the read allows. Metadata:
    /// `staleness_ms` (or unknown), `staleness_ms_max`, regions (each with its own).
    RevocationsTooStale = "REVOCATIONS_TOO_STALE", Unavailable, RETRY_AFTER_MS;
    /// The deadline of the call passed. A write may have been applied.
    TimedOut = "TIMED_OUT", DeadlineExceeded, 0;
    /// No replica of the session's partition could be reached. Nothing was changed
    /// unless metadata `applied` says unknown.
    NoReplica = "NO_REPLICA", Unavailable, RETRY_AFTER_MS;
    /// This replica has only a part of the session and is fetching the rest.
    SessionIncomplete = "SESSION_INCOMPLETE", Unavailable, RETRY_AFTER_MS;
    /// The node has not joined, is shutting down, or its clock is off.
    /// Metadata, if it is the clock: `clock_offset_ms`, `clock_offset_max_ms`.
    NotReady = "NOT_READY", Unavailable, 500;
    /// Too many calls are under way.
    Overloaded = "OVERLOADED", ResourceExhausted, RETRY_AFTER_MS;
    /// The node's disk failed. A write may have been applied.
    StoreFailed = "STORE_FAILED", Internal, 0;
    /// A fault of Sojourn itself.
    Internal = "INTERNAL", Internal, 0;
    /// The certificate does not name a peer of this cluster.
    BadCertificate = "BAD_CERTIFICATE", Unauthenticated, 0;
    /// An internal call needs the certificate of a node.
    NodeCertificateRequired = "NODE_CERTIFICATE_REQUIRED", PermissionDenied, 0;
}
