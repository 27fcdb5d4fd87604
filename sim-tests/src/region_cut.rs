//! Scenario: a region is cut off while every region writes, a node loses power, and all meet again.
//!
//! The seed draws which region is cut, whether connections hang or break, which
//! node crashes, who revokes what, and every latency.

use std::sync::Arc;
use std::time::Duration;

use sojourn_client::{Changes, Client, Durability, Error, SessionId, TlsConfig};
use sojourn_node::env::{Rng, SeedableRng, StdRng};
use sojourn_node::store::Crash;
use tokio::sync::Mutex;

use crate::certificates::Authority;
use crate::cluster::{self, Host, REGIONS};
use crate::region_oracle::{Expected, Violation};

/// Simulated time in which everything must have come about.
const SIMULATION: Duration = Duration::from_secs(180);
const CONVERGENCE: Duration = Duration::from_secs(60);
const SESSIONS: usize = 4;
const ROUNDS: usize = 6;

type BoxError = Box<dyn std::error::Error>;

/// What a run did, for people.
#[derive(Debug)]
pub struct Report {
    /// The region that was cut off.
    pub region: &'static str,
    /// The node that lost power.
    pub crashed: String,
    /// Writes that were acknowledged.
    pub acknowledged: usize,
    /// Writes without a clear answer.
    pub unknown: usize,
    /// Simulated time.
    pub simulated: Duration,
}

#[derive(Clone)]
struct Plan {
    region: &'static str,
    hang: bool,
    crashed: usize,
    revoked: usize,
    revoked_in: &'static str,
}

#[derive(Default)]
struct Story {
    expected: Vec<Expected>,
    acknowledged: usize,
    unknown: usize,
    phase: Phase,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Phase {
    #[default]
    Calm,
    PowerLost,
    Done,
}

/// Runs the scenario once.
///
/// # Errors
/// A broken invariant, or a phase that did not come about in time.
pub fn run(seed: u64, folder: &std::path::Path) -> Result<Report, BoxError> {
    let mut rng = StdRng::seed_from_u64(seed);
    let hosts = cluster::hosts(2);
    let plan = draw(&mut rng, &hosts);
    let authority = Authority::new(folder)?;
    cluster::issue(&authority, &hosts)?;
    let tls = TlsConfig::from_files(
        &authority.file("ca", "crt"),
        &authority.file("client", "crt"),
        &authority.file("client", "key"),
    )?;

    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(SIMULATION)
        .tick_duration(Duration::from_millis(2))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(rng.random_range(5..80)))
        .build();
    cluster::start(&mut sim, &hosts, &authority, seed)?;
    let story = Arc::new(Mutex::new(Story::default()));
    let (tale, told, cast) = (plan.clone(), story.clone(), hosts.clone());
    sim.client("app", async move { tell(tale, told, cast, tls, seed).await });
    step_to_end(&mut sim, &plan, &hosts, &story, seed)?;

    let story = story.try_lock()?;
    Ok(Report {
        region: plan.region,
        crashed: hosts[plan.crashed].name.clone(),
        acknowledged: story.acknowledged,
        unknown: story.unknown,
        simulated: sim.elapsed(),
    })
}

fn draw(rng: &mut StdRng, hosts: &[Host]) -> Plan {
    Plan {
        region: REGIONS[rng.random_range(0..REGIONS.len())],
        hang: rng.random(),
        crashed: rng.random_range(0..hosts.len()),
        revoked: rng.random_range(0..SESSIONS),
        revoked_in: REGIONS[rng.random_range(0..REGIONS.len())],
    }
}

/// Steps the simulation, and takes the power from a host when the story says so.
fn step_to_end(
    sim: &mut turmoil::Sim<'_>,
    plan: &Plan,
    hosts: &[Host],
    story: &Mutex<Story>,
    seed: u64,
) -> Result<(), BoxError> {
    let mut crashed = false;
    while !sim.step()? {
        let phase = story.try_lock().map_or(Phase::Calm, |story| story.phase);
        if phase == Phase::PowerLost && !crashed {
            let host = &hosts[plan.crashed];
            sim.crash(host.name.as_str());
            host.disk.crash(Crash::Torn { seed });
            sim.bounce(host.name.as_str());
            crashed = true;
        }
    }
    Ok(())
}

async fn tell(
    plan: Plan,
    story: Arc<Mutex<Story>>,
    hosts: Vec<Host>,
    tls: TlsConfig,
    seed: u64,
) -> Result<(), BoxError> {
    let mut clients = Vec::new();
    for (region, number) in REGIONS.into_iter().zip(1..) {
        clients.push((region, connect(region, &hosts, &tls, seed + number).await?));
    }
    await_members(&clients[0].1, hosts.len()).await?;
    let ids = create(&clients, &story).await?;

    separate(&plan, &hosts);
    for round in 0..ROUNDS {
        if round == ROUNDS / 2 {
            story.lock().await.phase = Phase::PowerLost;
        }
        write_everywhere(&clients, &ids, &story, round).await;
    }
    revoke(&plan, &clients, &ids, &story).await;
    write_everywhere(&clients, &ids, &story, ROUNDS).await;
    if converged(&clients[0].1, &hosts).await {
        return Err("the fault was not observed: all regions agree although one is cut off".into());
    }
    join_again(&plan, &hosts);

    await_convergence(&clients[0].1, &hosts).await?;
    let crashed = clients[0].1.status(&hosts[plan.crashed].address(), false).await?;
    if crashed.incarnation < 2 {
        return Err("the fault was not observed: no node lost power".into());
    }
    verify(&clients, &ids, &story).await?;
    story.lock().await.phase = Phase::Done;
    Ok(())
}

async fn connect(region: &str, hosts: &[Host], tls: &TlsConfig, seed: u64) -> Result<Client, BoxError> {
    let deadline = turmoil::elapsed() + CONVERGENCE;
    loop {
        match cluster::client(region, hosts, tls.clone(), seed).await {
            Ok(client) => return Ok(client),
            Err(error) if turmoil::elapsed() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

async fn await_members(client: &Client, count: usize) -> Result<(), BoxError> {
    let deadline = turmoil::elapsed() + CONVERGENCE;
    // All are in the layout that serves.
    let joined = async || client.layout().await.is_ok_and(|l| l.nodes.len() >= count && l.next_version == 0);
    while !joined().await {
        if turmoil::elapsed() > deadline {
            return Err(Violation("I17: the nodes did not all join".into()).into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

async fn create(clients: &[(&str, Client)], story: &Mutex<Story>) -> Result<Vec<SessionId>, BoxError> {
    let mut ids = Vec::new();
    for (_, client) in clients.iter().cycle().take(SESSIONS) {
        let created = client.create("sim").durability(Durability::Synced).await?;
        for (_, reader) in clients {
            reader.get("sim", &created.id).after(&created.token).await?;
        }
        ids.push(created.id);
        story.lock().await.expected.push(Expected::default());
    }
    Ok(ids)
}

fn across(plan: &Plan, hosts: &[Host]) -> Vec<(String, String)> {
    let (inside, outside): (Vec<_>, Vec<_>) = hosts.iter().partition(|host| host.region == plan.region);
    let pairs = inside.iter().flat_map(|a| outside.iter().map(|b| (a.name.clone(), b.name.clone())));
    pairs.collect()
}

fn separate(plan: &Plan, hosts: &[Host]) {
    for (a, b) in across(plan, hosts) {
        if plan.hang { turmoil::hold(a, b) } else { turmoil::partition(a, b) }
    }
}

fn join_again(plan: &Plan, hosts: &[Host]) {
    for (a, b) in across(plan, hosts) {
        if plan.hang { turmoil::release(a, b) } else { turmoil::repair(a, b) }
    }
}

async fn write_everywhere(clients: &[(&str, Client)], ids: &[SessionId], story: &Mutex<Story>, round: usize) {
    for (region, client) in clients {
        for (number, id) in ids.iter().enumerate() {
            let name = format!("{region}-{round}");
            let changes = Changes::new().set(name.clone(), "kept").add("writes", 1);
            let answer = client.update("sim", id, changes).durability(Durability::Synced).await;
            let mut story = story.lock().await;
            let refused = matches!(answer, Err(Error::Revoked(_)));
            if answer.is_ok() {
                story.acknowledged += 1;
            } else if !refused {
                story.unknown += 1;
            }
            if !refused {
                story.expected[number].wrote(&name, "kept", answer.is_ok());
            }
        }
    }
}

async fn revoke(plan: &Plan, clients: &[(&str, Client)], ids: &[SessionId], story: &Mutex<Story>) {
    for (_, client) in clients.iter().filter(|(region, _)| *region == plan.revoked_in) {
        let answer = client.revoke("sim", &ids[plan.revoked], "logout").durability(Durability::Synced).await;
        if answer.is_ok() {
            story.lock().await.expected[plan.revoked].revoked();
        }
    }
}

async fn await_convergence(client: &Client, hosts: &[Host]) -> Result<(), BoxError> {
    let deadline = turmoil::elapsed() + CONVERGENCE;
    while !converged(client, hosts).await {
        if turmoil::elapsed() > deadline {
            return Err(Violation(format!("I1, I17: digests differ {CONVERGENCE:?} after the heal")).into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Every node holds every partition here (two nodes a region, three replicas), so all digests must be equal.
async fn converged(client: &Client, hosts: &[Host]) -> bool {
    let mut all = Vec::new();
    for host in hosts {
        match client.status(&host.address(), true).await {
            Ok(status) if status.ready && status.sessions > 0 => all.push(status.digests),
            _ => return false,
        }
    }
    all.windows(2).all(|pair| pair[0] == pair[1])
}

async fn verify(clients: &[(&str, Client)], ids: &[SessionId], story: &Mutex<Story>) -> Result<(), BoxError> {
    let story = story.lock().await;
    for (region, client) in clients {
        for (id, expected) in ids.iter().zip(&story.expected) {
            let answer = client.get("sim", id).await.map(|read| read.session);
            expected
                .check(&answer)
                .map_err(|Violation(what)| Violation(format!("{what} (read in {region})")))?;
        }
    }
    Ok(())
}
