//! How a membership starts: found, join or come back.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use openraft::SnapshotPolicy;
use openraft::error::{InitializeError, RaftError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::core::{Backoff, Core};
use super::disk::Disk;
use super::error::must_not_be_removed;
use super::identity::DiskIdentity;
use super::log_store::LogStore;
use super::network::Network;
use super::peers::{Peers, is_passing};
use super::publish::{Publisher, Verdict, initial};
use super::raft_types::{Raft, RaftPeer, raft_id};
use super::state_machine::StateMachine;
use super::{
    Candidate, Change, ChangeOutcome, ClusterState, LocalNode, Members, MembershipConfig, MembershipError,
    Refusal, elections, join, reconcile,
};
use crate::env::{Environment, Rng};
use crate::session::ReplicaId;
use crate::store::Store;
use crate::transport::PeerChannels;

/// The id of a cluster's first node.
const FOUNDER: ReplicaId = ReplicaId(1);

pub(super) async fn start(
    local: LocalNode,
    config: MembershipConfig,
    store: Arc<dyn Store>,
    env: Environment,
    channels: Arc<dyn PeerChannels>,
) -> Result<Members, MembershipError> {
    local.validate()?;
    config.validate()?;
    let disk = Disk::new(store, env.spawn.clone());
    let mut identity = DiskIdentity::load(&disk, &local, &env.rng).await?;
    let candidate = identity.candidate(&local);
    let peers = Peers {
        channels,
        cluster_id: local.cluster_id.clone(),
        message_bytes_max: config.message_bytes_max,
        call_timeout: Duration::from_millis(config.call_timeout_ms),
    };
    let came_back = identity.replica.is_some();
    let (machine, states) = StateMachine::open(disk.clone()).await?;
    // Who stopped before it had learnt of the cluster asks once more: it is given the same id.
    let is_ignorant = states.borrow().nodes.is_empty() && identity.replica != Some(FOUNDER);
    let (replica, told) = match identity.replica.filter(|_| !is_ignorant) {
        Some(replica) => (replica, ClusterState::default()),
        None => {
            let (replica, told) = enter(&local, &candidate, &peers, &config, &env).await?;
            identity.allot(&disk, replica).await?;
            (replica, told)
        }
    };
    run(Setup { local, config, env, disk, peers, replica, came_back, told, candidate, machine, states }).await
}

/// Gets this node its id.
async fn enter(
    local: &LocalNode,
    candidate: &Candidate,
    peers: &Peers,
    config: &MembershipConfig,
    env: &Environment,
) -> Result<(ReplicaId, ClusterState), MembershipError> {
    let others: Vec<String> = local.seeds.iter().filter(|seed| **seed != local.advertise).cloned().collect();
    if !local.bootstrap {
        return join::join(&others, candidate, peers, config, env).await;
    }
    // A bootstrap node whose disk was lost must not found the cluster a second time.
    match join::ask_each(&others, candidate, peers).await {
        Err(MembershipError::Unreachable { .. } | MembershipError::NoCluster) => {
            Ok((FOUNDER, ClusterState::default()))
        }
        Err(MembershipError::NoLeader { .. }) => join::join(&others, candidate, peers, config, env).await,
        settled => settled,
    }
}

struct Setup {
    local: LocalNode,
    config: MembershipConfig,
    env: Environment,
    disk: Disk,
    peers: Peers,
    replica: ReplicaId,
    /// Whether the disk held the id already.
    came_back: bool,
    /// What a seed told at joining.
    told: ClusterState,
    candidate: Candidate,
    machine: StateMachine,
    states: watch::Receiver<Arc<ClusterState>>,
}

async fn run(setup: Setup) -> Result<Members, MembershipError> {
    let Setup { local, config, env, disk, peers, replica, came_back, told, candidate, machine, states } =
        setup;
    let known = states.borrow().clone();
    if let Some(own) = known.nodes.get(&replica) {
        must_not_be_removed(replica, own.state)?;
    }
    let first = if told.epoch > known.epoch { told } else { (*known).clone() };
    let (view_sender, view) = watch::channel(Arc::new(initial(&first)));
    let retry_pause = Duration::from_millis(config.heartbeat_ms);
    let network = Network { peers: peers.clone(), view: view.clone(), replica, retry_pause };
    let raft_config = Arc::new(raft_config(&local, &config, &env));
    let raft = Raft::new(raft_id(replica), raft_config, network, LogStore::new(disk), machine).await;
    let raft = raft.map_err(|fatal| MembershipError::Stopped { detail: fatal.to_string() })?;
    let (verdict, verdict_watch) = watch::channel(None);
    let verdict = Arc::new(verdict);
    let metrics = raft.metrics();
    let publisher = Publisher { replica, states, metrics, view: view_sender, verdict: verdict.clone() };
    let core = Arc::new(Core { raft, replica, local, config, peers, view, env });
    let members = Members { core: core.clone(), verdict: verdict_watch, stop: CancellationToken::new() };
    members.spawn("membership publisher", publisher.run());
    members.spawn("membership reconciler", reconcile::run(core.clone(), candidate.clone()));
    members.spawn("membership elections", elections::run(core.clone()));
    if replica == FOUNDER {
        found(&core).await?;
    }
    if came_back {
        members.spawn("membership announcement", announce(core, candidate, verdict));
    }
    Ok(members)
}

impl Members {
    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stop.clone().cancelled_owned();
        self.core.env.spawn.spawn(
            name,
            Box::pin(async move {
                tokio::select! {
                    () = stopped => {}
                    () = task => {}
                }
            }),
        );
    }
}

/// Raft draws one election time-out for its whole run. It is drawn here, from
/// the node's own randomness, and Raft is left no choice, so that a seed replays
/// elections; `elections` adds what one drawing lacks.
fn raft_config(local: &LocalNode, config: &MembershipConfig, env: &Environment) -> openraft::Config {
    let range = config.election_timeout_ms_min..config.election_timeout_ms_max;
    let election_timeout_ms = env.rng.with(|rng| rng.random_range(range));
    openraft::Config {
        cluster_name: local.cluster_id.clone(),
        heartbeat_interval: config.heartbeat_ms,
        election_timeout_min: election_timeout_ms,
        election_timeout_max: election_timeout_ms + 1,
        install_snapshot_timeout: config.call_timeout_ms,
        max_payload_entries: config.snapshot_entries,
        replication_lag_threshold: config.snapshot_entries * 2,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(config.snapshot_entries),
        // JSON spends up to four bytes on one of a snapshot.
        snapshot_max_chunk_size: u64::try_from(config.message_bytes_max / 8).unwrap_or(u64::MAX),
        max_in_snapshot_log_to_keep: config.snapshot_entries / 4,
        ..openraft::Config::default()
    }
}

/// Makes the first node a cluster of one, if it is not yet; the reconciler founds the rest.
async fn found(core: &Core) -> Result<(), MembershipError> {
    let stopped = |detail: String| MembershipError::Stopped { detail };
    let peer = RaftPeer {
        address: core.local.advertise.clone(),
        name: core.local.name.clone(),
        region: core.local.region.clone(),
    };
    let members = std::collections::BTreeMap::from([(raft_id(core.replica), peer)]);
    match core.raft.initialize(members).await {
        Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
        Err(error) => return Err(stopped(error.to_string())),
    }
    let timeout_ms = core.config.join_timeout_ms;
    let mut view = core.view.clone();
    let founded = view.wait_for(|view| view.nodes.contains_key(&FOUNDER));
    match tokio::time::timeout(Duration::from_millis(timeout_ms), founded).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(stopped("Raft ended".to_owned())),
        Err(_) => {
            let detail = "the first node did not elect itself".to_owned();
            Err(MembershipError::JoinTimedOut { timeout_ms, detail })
        }
    }
}

/// Tells the cluster, after a restart, where this node is now, until somebody
/// hears it; and learns whether it was removed meanwhile.
async fn announce(core: Arc<Core>, candidate: Candidate, verdict: Arc<Verdict>) {
    let mut pause = Backoff::new(&core.config);
    loop {
        let told = tell(&core, &candidate).await;
        match told {
            Ok(_) => return,
            Err(MembershipError::Refused(Refusal::Removed { replica })) => {
                verdict.send_replace(Some(MembershipError::Removed { replica }));
                return;
            }
            Err(error) if is_passing(&error) => {
                tracing::info!(%error, "the cluster does not know yet that this node is back")
            }
            Err(error) => {
                tracing::error!(%error, "the cluster refuses this node");
                verdict.send_replace(Some(error));
                return;
            }
        }
        tokio::time::sleep(pause.next(&core.env)).await;
    }
}

async fn tell(core: &Core, candidate: &Candidate) -> Result<ReplicaId, MembershipError> {
    // Not for the whole of `propose_timeout_ms`: to a removed node no leader ever shows itself.
    let timeout = Duration::from_millis(core.config.call_timeout_ms);
    match core.propose_within(timeout, &Change::Join(candidate.clone())).await {
        Ok(ChangeOutcome::Refused(refusal)) => Err(refusal.into()),
        Ok(_) => Ok(core.replica),
        // Without a leader in sight the others may still reach one.
        Err(error) if is_passing(&error) => {
            let own = &core.local.advertise;
            let mut asked: Vec<String> =
                core.local.seeds.iter().filter(|seed| *seed != own).cloned().collect();
            let nodes = core.view.borrow().nodes.clone();
            asked.extend(
                nodes.into_values().filter(|node| node.replica != core.replica).map(|node| node.address),
            );
            join::ask_each(&asked, candidate, &core.peers).await.map(|(replica, _)| replica)
        }
        Err(error) => Err(error),
    }
}
