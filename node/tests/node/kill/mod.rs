//! Real processes on real sled, killed with SIGKILL at seeded moments under load.
//!
//! After each kill the process starts again on what its disk kept, and everything
//! that was acknowledged as synced must be there. What was not acknowledged may be
//! there or not, but once it was found after a start it must stay. 20 kills run
//! with all tests; more of them, or others:
//!
//! ```sh
//! SOJOURN_KILL_CYCLES=200 SOJOURN_KILL_SEED=7 cargo test -p sojourn_node --test node kill -- --nocapture
//! ```

mod load;
mod moment;
mod process;

use std::path::PathBuf;

use crate::support::nodes::{TestNode, World, until};
use load::{Session, write_until_it_dies};
use moment::Moment;
use process::Process;
use sojourn_node::env::{SeedableRng, StdRng};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Writers at each node.
const WRITERS: usize = 3;

/// Kills before nodes begin anew with empty disks: little data has its compactions more often.
const LIFE_CYCLES: usize = 20;

/// Short intervals, so that a checkpoint and a compaction are always near.
const SETTINGS: &str = "[engine]\ncheckpoint_interval_ms = 40\nsync_interval_ms = 20\nblock_bytes_max = 4096\n\
     [store]\ncompaction_bytes_min = 0\ncompaction_ratio_max = 1.5\ncompaction_step_bytes = 4096\n\
     compaction_check_interval_ms = 100\n[membership]\npartition_count = 8\n\
     [telemetry]\nlog_filter = 'warn,openraft=off,sojourn_node=debug'\n";

/// Nodes that live and die together.
struct Victims {
    _dir: tempfile::TempDir,
    world: World,
    configs: Vec<PathBuf>,
    incarnations: Vec<u32>,
    /// By node, then by writer.
    sessions: Vec<Vec<Vec<Session>>>,
}

impl Victims {
    fn new(nodes: &[(&'static str, &'static str)]) -> Self {
        let (dir, world) = (tempfile::tempdir().unwrap(), World::new(nodes));
        let config = |index: usize| {
            let path = dir.path().join(format!("node-{index}.toml"));
            std::fs::write(&path, world.config_text(index, SETTINGS)).unwrap();
            path
        };
        let configs: Vec<PathBuf> = (0..nodes.len()).map(config).collect();
        let sessions = vec![vec![Vec::new(); WRITERS]; nodes.len()];
        Self { _dir: dir, world, configs, incarnations: vec![0; nodes.len()], sessions }
    }

    fn start(&self) -> Vec<Process> {
        self.configs.iter().map(|config| Process::start(config)).collect()
    }

    /// Starts all, checks what they hold, writes until the moment has come, and kills all.
    async fn live_and_die(&mut self, moment: Moment) {
        let mut processes = self.start();
        if let Moment::Starting { lines } = moment {
            processes[0].wait_for("starting", |seen| seen.lines >= lines || seen.is_up).await;
            processes.iter_mut().for_each(Process::kill);
            return;
        }
        let nodes = self.meet().await;
        let (sender, mut written) = watch::channel(0);
        let mut writers = JoinSet::new();
        for (index, node) in nodes.iter().enumerate() {
            for (number, sessions) in self.sessions[index].iter_mut().enumerate() {
                let (sessions, client, written) = (std::mem::take(sessions), node.sessions(), sender.clone());
                let write = write_until_it_dies(client, sessions, written);
                writers.spawn(async move { (index, number, write.await) });
            }
        }
        moment.come(&mut processes[0], &mut written).await;
        processes.iter_mut().for_each(Process::kill);
        while let Some(ended) = writers.join_next().await {
            let (index, number, sessions) = ended.unwrap();
            self.sessions[index][number] = sessions;
        }
    }

    /// Clients of nodes just started, whose starts are counted and whose sessions are all there.
    async fn meet(&mut self) -> Vec<TestNode> {
        let mut nodes = Vec::new();
        for index in 0..self.configs.len() {
            let node = self.world.attach(index).await;
            let incarnation = node.status().await.unwrap().incarnation;
            assert!(incarnation > self.incarnations[index], "a start that was not counted");
            self.incarnations[index] = incarnation;
            nodes.push(node);
        }
        for (home, of_node) in self.sessions.iter_mut().enumerate() {
            for session in of_node.iter_mut().flatten() {
                // Where it was acknowledged it is there at once, from that node's own disk.
                let found = nodes[home].get(session.id()).await;
                session.check(&found).unwrap_or_else(|wrong| panic!("{}: {wrong}", session.id()));
            }
        }
        nodes
    }

    /// Starts all for the last time: every node holds everything, byte for byte the same.
    async fn compare(&mut self) {
        let _processes = self.start();
        let nodes = self.meet().await;
        until("equal", || async {
            let mut digests = Vec::new();
            for node in &nodes {
                digests.push(node.status().await.unwrap().digests);
            }
            digests.windows(2).all(|pair| pair[0] == pair[1])
        })
        .await;
        for session in self.sessions.iter_mut().flatten().flatten() {
            for node in &nodes {
                let found = node.get(session.id()).await;
                session.check(&found).unwrap_or_else(|wrong| panic!("{}: {wrong}", session.id()));
            }
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect(name))
}

async fn kill_again_and_again(nodes: &[(&'static str, &'static str)], cycles: u64) {
    let seed = setting("SOJOURN_KILL_SEED", 1);
    let all: Vec<u64> = (0..cycles).collect();
    for life in all.chunks(LIFE_CYCLES) {
        let mut victims = Victims::new(nodes);
        for cycle in life {
            let moment = Moment::draw(&mut StdRng::seed_from_u64(seed ^ (cycle << 32)));
            println!("seed {seed}, kill {cycle}, nodes {}: {moment:?}", nodes.len());
            victims.live_and_die(moment).await;
        }
        victims.compare().await;
        let kept: u64 = victims.sessions.iter().flatten().flatten().map(Session::kept).sum();
        println!("{kept} synced writes are kept");
        assert!(kept > life.len() as u64, "too little was written to prove anything");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_node_keeps_what_it_acknowledged() {
    let cycles = setting("SOJOURN_KILL_CYCLES", 20);
    kill_again_and_again(&[("eu", "eu-1")], cycles - cycles / 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_killed_at_once_keep_it_and_agree() {
    let cycles = setting("SOJOURN_KILL_CYCLES", 20);
    kill_again_and_again(&[("eu", "eu-1"), ("eu", "eu-2")], cycles / 4).await;
}
