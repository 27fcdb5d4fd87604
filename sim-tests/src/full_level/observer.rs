//! Looks at every node from a host that no fault touches.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use sojourn_node::membership::ChangeOutcome;
use sojourn_proto::cluster::v1::{GetStatusResponse, ListMembersResponse};
use tokio::sync::mpsc;
use xxhash_rust::xxh3::Xxh3;

use super::board::{Board, Known, Report, Stage};
use super::content::{NAMESPACE, shown_by};
use super::insider::Insider;
use super::node::SimNode;
use crate::plan::SessionId;
use crate::record::{Happening, NodeState, Sample, Shown};

/// The observer's host.
pub(super) const HOST: &str = "observer";
/// Between two looks at a node that takes calls.
const CALM_PAUSE: Duration = Duration::from_millis(2_000);
/// Between two looks when something is waited for.
const TENSE_PAUSE: Duration = Duration::from_millis(300);

/// As long as a look goes on to another id, in microseconds.
const LOOK_US_MAX: u64 = 1_000_000;

/// Watches each node that comes through the channel, for ever.
#[allow(clippy::disallowed_methods, reason = "tasks of a simulated host")]
pub(super) async fn observe(board: Arc<Board>, mut nodes: mpsc::UnboundedReceiver<Arc<SimNode>>) {
    let (operators, nodes_of_operator) = mpsc::unbounded_channel();
    tokio::spawn(operate(board.clone(), nodes_of_operator));
    while let Some(node) = nodes.recv().await {
        let Ok(insider) = Insider::new(HOST, &node) else { continue };
        let insider = Arc::new(insider);
        // The operator lives as long as this host.
        let _ = operators.send((node.clone(), insider.clone()));
        tokio::spawn(watch(board.clone(), node, insider));
    }
}

async fn watch(board: Arc<Board>, node: Arc<SimNode>, insider: Arc<Insider>) {
    let mut round = 0_usize;
    loop {
        let stage = board.stage();
        let calm = matches!(stage, Stage::Chaos { .. }) && node.state() == NodeState::Up;
        tokio::time::sleep(if calm { CALM_PAUSE } else { TENSE_PAUSE }).await;
        if !node.is_running() || node.state() == NodeState::Paused {
            continue;
        }
        look(&board, &node, &insider).await;
        round += 1;
        match stage {
            Stage::Chaos { .. } => probe_one(&board, &node, &insider, round).await,
            Stage::Comparison if !board.state.lock().is_compared(node.id) => {
                let unread = probe_all(&board, &node, &insider).await;
                board.state.lock().unread.insert(node.id, unread);
            }
            _ => {}
        }
    }
}

async fn look(board: &Board, node: &SimNode, insider: &Insider) {
    let start = node.starts();
    let status = insider.status().await;
    let members = insider.members().await;
    let (Ok(status), Ok(members)) = (status, members) else { return };
    if node.starts() != start || !node.is_running() || node.state() == NodeState::Paused {
        return;
    }
    let report = report(node, &status);
    let sample = sample(node, &status, &members, &report);
    {
        let mut state = board.state.lock();
        if report.replica > 0 {
            state.replicas.insert(report.replica, node.id);
        }
        let active = |member: &&sojourn_proto::cluster::v1::Member| member.state == ACTIVE;
        state.active = members.members.iter().filter(active).count();
        state.reports.insert(node.id, report);
    }
    node.set_state(if status.ready { NodeState::Up } else { NodeState::Unready });
    node.tale.tell(Happening::Sampled { node: node.id, sample });
}

const ACTIVE: i32 = sojourn_proto::cluster::v1::NodeState::Active as i32;

fn report(node: &SimNode, status: &GetStatusResponse) -> Report {
    let digest = |digest: &sojourn_proto::cluster::v1::PartitionDigest| {
        let bytes: [u8; 16] = digest.digest.as_ref().try_into().unwrap_or_default();
        (u16::try_from(digest.partition).unwrap_or(u16::MAX), u128::from_be_bytes(bytes))
    };
    Report {
        at_us: node.tale.now_us(),
        ready: status.ready,
        replica: status.node.as_ref().map_or(0, |member| member.replica_id),
        digests: status.digests.iter().map(digest).collect(),
        records: status.sessions,
        held_bytes: status.held_bytes,
    }
}

fn sample(
    node: &SimNode,
    status: &GetStatusResponse,
    members: &ListMembersResponse,
    report: &Report,
) -> Sample {
    let mut hasher = Xxh3::new();
    for member in &members.members {
        (member.replica_id, &member.name, member.state, &member.address).hash(&mut hasher);
    }
    Sample {
        digests: report.digests.clone(),
        records: report.records,
        buffered_bytes: status.peers.iter().map(|peer| peer.buffered_bytes).max().unwrap_or(0),
        held_bytes: report.held_bytes,
        clock_offset_ms: node.clock.offset_ms(),
        membership: (members.epoch, hasher.finish()),
    }
}

/// Reads one session in turn.
async fn probe_one(board: &Board, node: &SimNode, insider: &Insider, round: usize) {
    let sessions = board.planned();
    let turn = (round + usize::from(node.id.0) * 7).checked_rem(sessions.len());
    if let Some((session, known)) = turn.and_then(|turn| sessions.get(turn)) {
        probe(board, node, insider, *session, known).await;
    }
}

/// Reads all sessions, or those that a node has not told when it was asked before. Returns those that it
/// does not tell now.
async fn probe_all(board: &Board, node: &SimNode, insider: &Insider) -> Vec<SessionId> {
    let before = board.state.lock().unread.get(&node.id).cloned();
    let mut unread = Vec::new();
    for (session, known) in board.planned() {
        let is_asked = before.as_ref().is_none_or(|before| before.contains(&session));
        if is_asked && !probe(board, node, insider, session, &known).await {
            unread.push(session);
        }
    }
    unread
}

/// Reads a session at a node, if it holds the session's partition: another would ask one that does.
/// False if it should have told the session and did not.
async fn probe(board: &Board, node: &SimNode, insider: &Insider, session: SessionId, known: &Known) -> bool {
    let holds = |report: &Report| report.digests.contains_key(&known.partition);
    if !board.state.lock().reports.get(&node.id).is_some_and(holds) {
        return true;
    }
    let start = node.starts();
    let Some(shown) = shown(board, node, insider, known).await.filter(|_| node.starts() == start) else {
        return false;
    };
    let mut hasher = Xxh3::new();
    shown.hash(&mut hasher);
    let state_hash = if is_by_id(&shown) { 0 } else { hasher.digest128() };
    node.tale.tell(Happening::Probed { node: node.id, session, shown, state_hash });
    true
}

/// Looks by one id after another until one shows the session. None if the node did not
/// say, or took too long.
async fn shown(board: &Board, node: &SimNode, insider: &Insider, known: &Known) -> Option<Shown> {
    let began_us = node.tale.now_us();
    let mut seen = Shown::Absent;
    for id in known.ids.likeliest_first() {
        let answer = insider.get(NAMESPACE, known.secrets.get(&id)?.reveal()).await;
        let by_itself = |answer: &sojourn_proto::session::v1::GetResponse| {
            board.state.lock().replicas.get(&answer.replica_id) == Some(&node.id)
        };
        if answer.as_ref().is_ok_and(|answer| !by_itself(answer)) {
            return None;
        }
        match shown_by(answer, id)? {
            // This id is accepted for a grace; another one is the session's.
            Shown::Live(content) if content.id.is_none() => seen = Shown::Live(content),
            Shown::Rotated if seen == Shown::Absent => seen = Shown::Rotated,
            shown if is_by_id(&shown) => {}
            shown => return Some(shown),
        }
        if node.tale.now_us() > began_us + LOOK_US_MAX {
            return None;
        }
    }
    Some(seen)
}

/// Whether another id of the same session may show something else.
fn is_by_id(shown: &Shown) -> bool {
    matches!(shown, Shown::Absent | Shown::Rotated)
}

type Operated = (Arc<SimNode>, Arc<Insider>);

/// Makes the changes of the membership that are asked for, one after another.
async fn operate(board: Arc<Board>, mut nodes: mpsc::UnboundedReceiver<Operated>) {
    let mut known: Vec<Operated> = Vec::new();
    loop {
        tokio::time::sleep(TENSE_PAUSE).await;
        while let Ok(node) = nodes.try_recv() {
            known.push(node);
        }
        let Some(change) = board.state.lock().changes.front().cloned() else { continue };
        for (node, insider) in known.iter().filter(|(node, _)| node.state() == NodeState::Up) {
            match insider.propose(&change).await {
                Ok(outcome) => {
                    let mut state = board.state.lock();
                    if let ChangeOutcome::Refused(refusal) = outcome {
                        state.refusals.push(refusal.to_string());
                    }
                    state.changes.pop_front();
                    state.changes_made += 1;
                    node.tale.trace(&("change made", state.changes_made));
                    break;
                }
                Err(status) => node.tale.trace(&("change not made", status.code() as i32)),
            }
        }
    }
}
