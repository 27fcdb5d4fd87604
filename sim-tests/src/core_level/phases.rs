//! Chaos, heal, liveness, comparison.

use std::collections::BTreeMap;
use std::time::Duration;

use sojourn_node::engine::{Changes, Command, Create};
use sojourn_node::membership::ClusterState;
use sojourn_node::session::{Partition, SecretHash, VersionVector};
use sojourn_proto::session::v1::Consistency;

use super::layout;
use super::node::Running;
use super::observe::held_partitions;
use super::operations::{Request, Sessions, call, run_clients};
use super::world::{Sim, World};
use crate::plan::{NodeId, SessionId};
use crate::record::{Happening, IdName, Phase};
use crate::run::RunError;

/// How long the cluster may take to come up.
const UP_MS_MAX: u64 = 20_000;

/// Time for calls that are under way at the end of chaos.
const DRAIN_MS: u64 = 4_500;

/// How long clients may take after the heal with calls that others held up.
const LAST_CALLS_MS_MAX: u64 = 90_000;

const FRESH_TIMEOUT: Duration = Duration::from_secs(5);

/// Takes a run through its phases.
pub(super) async fn run(sim: &Sim) -> Result<(), RunError> {
    let (chaos_ms, converge_ms_max) = {
        let world = sim.lock();
        (world.plan.chaos_ms, world.plan.converge_ms_max)
    };
    wait_until(sim, UP_MS_MAX, World::is_linked).await;
    if !sim.lock().is_linked() {
        return Err(RunError("the cluster does not come up".into()));
    }
    {
        let mut world = sim.lock();
        world.record(Happening::Phase(Phase::Chaos));
        world.keep_observing();
        world.schedule_faults();
        run_clients(&mut world);
    }
    sleep_ms(chaos_ms).await;
    wait_until(sim, DRAIN_MS, |world| world.sessions.busy_clients == 0).await;
    sim.lock().heal();
    // Calls that waited for each other may still go on.
    wait_until(sim, LAST_CALLS_MS_MAX, |world| world.sessions.busy_clients == 0).await;
    wait_until(sim, converge_ms_max, |world| world.is_converged() && world.unfenced().is_empty()).await;
    {
        let mut world = sim.lock();
        world.must_be_converged("after the heal");
        // Each has heard of its removal by now.
        for node in world.unfenced() {
            world.record(Happening::FencingFailed { node });
        }
        world.record(Happening::Phase(Phase::Liveness));
    }
    fresh_calls(sim).await;
    wait_until(sim, converge_ms_max, |world| world.is_converged() && !world.is_lapsing()).await;
    {
        let mut world = sim.lock();
        world.must_be_converged("after fresh calls");
        world.comparing = true;
        world.record(Happening::Phase(Phase::Comparison));
    }
    // The first look finds damage on disks, which is mended before the second one.
    for _ in 0..2 {
        sim.lock().look_at_all();
        // What is on disks only is read in the meantime.
        sleep_ms(1_000).await;
        wait_until(sim, converge_ms_max, World::is_converged).await;
    }
    let mut world = sim.lock();
    world.must_be_converged("after every session was read");
    if let Some((node, session)) = world.unread() {
        let detail = format!("{node} has never told {session}, which it holds, in the comparison");
        world.record(Happening::Impossible { invariant: "I17", detail });
    }
    for node in world.up() {
        world.sample(node);
    }
    world.end();
    Ok(())
}

async fn sleep_ms(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

async fn wait_until(sim: &Sim, ms_max: u64, is_so: impl Fn(&mut World) -> bool) {
    for _ in 0..ms_max / 100 {
        if is_so(&mut sim.lock()) {
            return;
        }
        sleep_ms(100).await;
    }
}

/// A new session in each region, seen in all regions.
async fn fresh_calls(sim: &Sim) {
    let (me, regions, first) = {
        let world = sim.lock();
        (world.weak(), world.plan.shape.regions.len(), world.plan.operations.len())
    };
    let mut operation = first;
    for region in 0..regions {
        let session = SessionId(1_000_000 + u32::try_from(region).unwrap_or_default());
        let (key, partition) = {
            let world = sim.lock();
            (Sessions::key(session), world.sessions.partition(session))
        };
        let fresh = |command, level, token| Request {
            key,
            partition,
            shown: SecretHash::FIRST,
            command,
            revokes: None,
            log_out: None,
            level,
            synced: true,
            token,
            idempotency_key: bytes::Bytes::new(),
        };
        let create = Command::Create(Create {
            namespace: "web".into(),
            idle_timeout_ms: 3_600_000,
            absolute_timeout_ms: 3_600_000,
            changes: Changes::default(),
        });
        let level = if region == 0 { Consistency::All } else { Consistency::LocalQuorum };
        let create = fresh(Some(create), level, VersionVector::new());
        let token = one_call(sim, operation, region, create).await.unwrap_or_default();
        operation += 1;
        for reader in 0..regions {
            let level = if reader == region { Consistency::LocalQuorum } else { Consistency::LocalOne };
            one_call(sim, operation, reader, fresh(None, level, token.clone())).await;
            operation += 1;
        }
    }
    drop(me);
}

async fn one_call(sim: &Sim, operation: usize, region: usize, request: Request) -> Option<VersionVector> {
    let me = {
        let mut world = sim.lock();
        world.record(Happening::Invoked { operation, again: false, shows: IdName::First });
        world.weak()
    };
    let (_, answer, token) = call(&me, region, None, request, FRESH_TIMEOUT).await;
    sim.lock().record(Happening::Answered { operation, again: false, answer });
    token
}

impl World {
    /// Every node runs and has a link to every other one.
    fn is_linked(&mut self) -> bool {
        let others = self.nodes.len().saturating_sub(1);
        self.nodes.iter().all(|machine| machine.run.as_ref().is_some_and(|run| run.links.len() == others))
    }

    /// All faults are over, and everything runs that may.
    fn heal(&mut self) {
        self.record(Happening::Phase(Phase::Heal));
        self.end_faults();
        let nodes: Vec<NodeId> = self.nodes.iter().map(|machine| machine.id).collect();
        for node in nodes {
            let offset_ms = self.plan.shape.clock_offsets_ms.get(usize::from(node.0)).copied();
            let Some(machine) = self.machine(node) else { continue };
            machine.clock.set_offset_ms(offset_ms.unwrap_or_default());
            machine.clock.set_disturbed(false);
            let is_sick = machine.run.as_ref().is_some_and(|run| run.shared.engine.health().is_err());
            if is_sick {
                self.kill(node);
            }
            self.resume(node);
            let may_start = self.machine(node).is_some_and(|machine| {
                use crate::record::NodeState::{Down, Refused};
                matches!(machine.state, Down | Refused) && !machine.fenced
            });
            if may_start {
                self.start(node);
            }
        }
    }

    /// Looks at every session on every node.
    fn look_at_all(&mut self) {
        for node in self.up() {
            self.sample(node);
            for session in 0..self.plan.shape.sessions {
                self.probe(node, SessionId(session));
            }
        }
    }

    fn is_converged(&mut self) -> bool {
        self.difference().is_none()
    }

    /// Says that replicas still differ, if they do.
    fn must_be_converged(&mut self, when: &str) {
        if let Some(difference) = self.difference() {
            let detail = format!("replicas are not equal in time {when}: {difference}");
            self.record(Happening::Impossible { invariant: "I17", detail });
        }
    }

    fn is_lapsing(&self) -> bool {
        self.nodes.iter().filter_map(|machine| machine.run.as_ref()).any(|run| run.lapsing)
    }

    /// A member that a running one has no link to.
    fn not_linked(&self, state: &ClusterState, run: &Running) -> Option<NodeId> {
        let members = state.nodes.values().filter(|member| member.state != layout::GONE);
        let others = members.map(|member| member.replica).filter(|peer| *peer != run.shared.me.replica);
        others.filter(|peer| !run.links.contains_key(peer)).find_map(|peer| self.raft.machine_of(peer))
    }

    /// What still differs, if anything does.
    fn difference(&mut self) -> Option<String> {
        let state = self.raft.committed();
        let membership = self.raft.view();
        if layout::is_changing(&membership) {
            return Some("the layout is still changing".into());
        }
        let mut firsts: BTreeMap<Partition, (NodeId, u128, VersionVector)> = BTreeMap::new();
        for member in state.nodes.values().filter(|member| member.state != layout::GONE) {
            let Some(node) = self.raft.machine_of(member.replica) else { continue };
            let Some(machine) = self.nodes.get(usize::from(node.0)) else { continue };
            let Some(run) = machine.run.as_ref().filter(|run| run.shared.me.replica == member.replica) else {
                return Some(format!("{node} does not run ({:?})", machine.state));
            };
            if run.shared.membership().epoch < state.epoch {
                return Some(format!("{node} does not know the newest membership"));
            }
            if let Some(peer) = self.not_linked(&state, run) {
                return Some(format!("{node} has no link to {peer}"));
            }
            if run.shared.engine.trusted_wall_ms().is_err() {
                return Some(format!("{node} does not trust its clock yet"));
            }
            if !layout::is_ready(&membership, member.replica) {
                return Some(format!("{node} is {:?}", member.state));
            }
            let engine = &run.shared.engine;
            for partition in held_partitions(&membership, member.replica, engine) {
                let (digest, vector) = (engine.digest(partition).digest, engine.vector(partition));
                if engine.seen(partition) != vector {
                    return Some(format!("{node} lacks entries below others in partition {}", partition.0));
                }
                let here = || (node, digest, vector.clone());
                let (first, held, known) = firsts.entry(partition).or_insert_with(here);
                if *held != digest {
                    return Some(format!("{first} and {node} differ in partition {}", partition.0));
                }
                if *known != vector {
                    let detail =
                        format!("{first} and {node} hold different entries of partition {}", partition.0);
                    return Some(detail);
                }
            }
        }
        None
    }
}
