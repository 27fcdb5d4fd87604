//! How actions, levels and answers read.

use crate::plan::{Action, Consistency, Durability, Level, PlannedOperation, Token};
use crate::record::{Answer, Content, LostDisk, NodeState, Phase, Refusal, Shown};

/// The level's name, as the command line takes it.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Core => "core",
        Level::Full => "full",
    }
}

pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Chaos => "chaos",
        Phase::Heal => "heal",
        Phase::Liveness => "liveness",
        Phase::Comparison => "comparison",
    }
}

pub(super) fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Up => "up",
        NodeState::Unready => "unready",
        NodeState::Down => "down",
        NodeState::Paused => "paused",
        NodeState::Refused => "refused",
        NodeState::Removed => "removed",
    }
}

pub(super) fn lost(lost: LostDisk) -> &'static str {
    match lost {
        LostDisk::Unsynced => "what was not synced",
        LostDisk::Record => "a record, perhaps",
        LostDisk::All => "all",
        LostDisk::SinceBackup => "all that came after the backup",
    }
}

pub(super) fn action(action: Action) -> String {
    match action {
        Action::Create => "create".into(),
        Action::Set { field } => format!("set a{field}"),
        Action::Remove { field } => format!("remove a{field}"),
        Action::Add { amount } => format!("add {amount}"),
        Action::AddMember { member } => format!("add member m{member}"),
        Action::RemoveMember { member } => format!("remove member m{member}"),
        Action::Login { principal } => format!("log in p{principal}"),
        Action::Touch => "touch".into(),
        Action::Revoke => "revoke".into(),
        Action::Read => "read".into(),
    }
}

pub(super) fn consistency(consistency: Consistency) -> &'static str {
    match consistency {
        Consistency::LocalOne => "local one",
        Consistency::LocalQuorum => "local quorum",
        Consistency::EachQuorum => "each quorum",
        Consistency::All => "all",
    }
}

/// A read has no durability.
pub(super) fn durability(operation: &PlannedOperation) -> &'static str {
    match operation.durability {
        _ if !operation.action.is_write() => "–",
        Durability::Buffered => "buffered",
        Durability::Synced => "synced",
    }
}

pub(super) fn token(token: Token) -> &'static str {
    match token {
        Token::None => "none",
        Token::Own => "own",
        Token::Newest => "newest",
        Token::Forged => "forged",
    }
}

pub(super) fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotFound => "not found",
        Refusal::Revoked => "revoked",
        Refusal::AlreadyExists => "exists already",
        Refusal::NotYet => "not yet",
        Refusal::Unavailable => "unavailable",
        Refusal::Invalid => "invalid",
    }
}

pub(super) fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Acknowledged { node } => format!("acknowledged by {node}"),
        Answer::Partly { node } => format!("made at {node}, confirmed by too few"),
        Answer::Read { node, shown: seen } => format!("{node} showed {}", shown(seen)),
        Answer::Refused(why) => format!("refused: {}", refusal(*why)),
        Answer::Unknown => "unknown".into(),
    }
}

pub(super) fn shown(shown: &Shown) -> String {
    match shown {
        Shown::Live(live) => content(live),
        Shown::Revoked => "revoked".into(),
        Shown::Absent => "nothing".into(),
        Shown::Partial => "only a part".into(),
    }
}

fn content(content: &Content) -> String {
    let attributes = content.attributes.iter().map(|(name, value)| format!("{name}={value}"));
    let mut parts: Vec<String> = attributes.collect();
    if content.counter != 0 {
        parts.push(format!("n={}", content.counter));
    }
    if !content.members.is_empty() {
        let members: Vec<&str> = content.members.iter().map(String::as_str).collect();
        parts.push(format!("s={{{}}}", members.join(" ")));
    }
    parts.extend(content.principal.as_ref().map(|principal| format!("as {principal}")));
    if parts.is_empty() { "live and empty".into() } else { format!("live {}", parts.join(", ")) }
}

/// What an invariant says, by its id.
pub(super) fn invariant(id: &str) -> &'static str {
    match id {
        "I1" => "Convergence: the same writes give the same state on every replica",
        "I2" => "Laws: the merge is commutative, associative and idempotent",
        "I3" => "Durability: an acknowledged write survives",
        "I4" => "Quorum: an acknowledgement meets every read quorum",
        "I5" => "Revocation is terminal on each node",
        "I6" => "No resurrection: a revoked session stays revoked everywhere",
        "I7" => "Revoke all: a session's epoch covers its principal's",
        "I8" => "Expiry: no node serves a session after its deadline",
        "I9" => "Deadlines: the absolute deadline never grows",
        "I10" => "A causal token is honoured on any node",
        "I11" => "Tokens are harmless",
        "I12" => "Rotation: a refresh token used twice revokes its family",
        "I13" => "Staleness: never less is reported than is true",
        "I14" => "Membership: one configuration a log id",
        "I15" => "Eviction: a removed, wiped or cloned node serves nothing",
        "I16" => "Garbage collection: a tombstone outlives what it guards against",
        "I17" => "Liveness: after the heal all replicas meet and calls succeed",
        "I18" => "Memory: buffers stay under their cap",
        "I19" => "Overload: goodput stays, and recovers",
        "I20" => "Poison: a malformed entry is refused and never passed on",
        "I21" => "Clocks: a stamp from the future is not absorbed",
        "I22" => "Disk: nothing is acknowledged or served from a failed disk",
        "I23" => "Retries: a repeated call has one effect",
        "I24" => "Tenancy: namespaces do not see each other",
        _ => "An invariant",
    }
}
