//! The calls of a drill, as a seed draws them.

use sojourn_node::env::{Rng, SeedableRng, StdRng};

use super::file::{File, Workload};
use crate::plan::{Action, PlannedOperation, SessionId, Shape, Shows, Token};

/// By when the first sessions are created, at the latest.
const CREATED_MS: u64 = 2_000;
/// How long after a creation other calls to the session begin.
const SETTLED_MS: u64 = 500;

/// A user's present session.
struct User {
    client: u16,
    session: SessionId,
    ready_ms: u64,
}

/// Draws all calls. A user who logs out gets a new session; the shape counts them.
pub(super) fn draw(seed: u64, file: &File, shape: &mut Shape) -> Vec<PlannedOperation> {
    let mut drawing =
        Drawing { rng: StdRng::seed_from_u64(seed), work: &file.workload, shape, calls: Vec::new() };
    let created_ms = CREATED_MS.min(file.lasts.0 / 4);
    let mut users: Vec<User> =
        (0..file.workload.sessions).map(|user| drawing.user(user, created_ms)).collect();
    let calls = (file.workload.calls_per_second * file.lasts.0 as f64 / 1e3) as u64;
    let mut times: Vec<u64> = (0..calls).map(|_| drawing.rng.random_range(0..file.lasts.0)).collect();
    times.sort_unstable();
    for at_ms in times {
        let place = drawing.rng.random_range(0..users.len());
        drawing.call(at_ms, &mut users[place], file.lasts.0);
    }
    let mut calls = drawing.calls;
    calls.sort_by_key(|call| call.at_ms);
    calls
}

struct Drawing<'a> {
    rng: StdRng,
    work: &'a Workload,
    shape: &'a mut Shape,
    calls: Vec<PlannedOperation>,
}

impl Drawing<'_> {
    fn user(&mut self, number: u32, created_ms: u64) -> User {
        let client = (number % u32::from(self.work.clients)) as u16;
        let at_ms = self.rng.random_range(0..created_ms.max(1));
        self.create(client, at_ms)
    }

    fn create(&mut self, client: u16, at_ms: u64) -> User {
        let session = SessionId(self.shape.sessions);
        self.shape.sessions += 1;
        self.push(at_ms, client, session, Action::Create);
        User { client, session, ready_ms: at_ms + SETTLED_MS }
    }

    fn call(&mut self, at_ms: u64, user: &mut User, lasts_ms: u64) {
        if at_ms < user.ready_ms {
            return;
        }
        let action = self.action();
        let roams = self.rng.random_range(0..100) < self.work.roaming_percent;
        let client = if roams { self.rng.random_range(0..self.work.clients) } else { user.client };
        self.push(at_ms, client, user.session, action);
        if action == Action::Revoke && at_ms + SETTLED_MS < lasts_ms {
            *user = self.create(user.client, at_ms + SETTLED_MS);
        }
    }

    fn push(&mut self, at_ms: u64, client: u16, session: SessionId, action: Action) {
        let token = if action == Action::Create { Token::None } else { Token::Own };
        self.calls.push(PlannedOperation {
            at_ms,
            client,
            session,
            action,
            consistency: self.work.consistency,
            durability: self.work.durability,
            token,
            shows: Shows::Newest,
            repeated: false,
            timeout_ms: self.work.call_timeout.0,
        });
    }

    fn action(&mut self) -> Action {
        let shares = self.work.mix.shares();
        let mut drawn = self.rng.random_range(0..shares.iter().map(|share| u64::from(*share)).sum::<u64>());
        let small = self.rng.random_range(0..4_u8);
        let actions = [
            Action::Read,
            Action::Set { field: small },
            Action::Remove { field: small },
            Action::Add { amount: i32::from(small) + 1 },
            Action::AddMember { member: small },
            Action::RemoveMember { member: small },
            Action::Login { principal: small },
            Action::Touch,
            Action::Revoke,
        ];
        for (action, share) in actions.into_iter().zip(shares.map(u64::from)) {
            if drawn < share {
                return action;
            }
            drawn -= share;
        }
        Action::Read
    }
}
