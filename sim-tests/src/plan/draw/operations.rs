//! What clients do: creates, a drawn mix of calls, races around log-outs, and crowds.

use super::super::{Action, Consistency, Level, PlannedOperation, SessionId, Shape, Token};
use super::action::{Mix, grace_ms};
use super::dice::Dice;

pub(super) fn draw(dice: &mut Dice, level: Level, shape: &Shape, chaos_ms: u64) -> Vec<PlannedOperation> {
    let wanted = match level {
        Level::Core => dice.between(40, 160),
        Level::Full => dice.between(60, 120),
    };
    let workload = Workload { shape, chaos_ms, mix: Mix::draw(dice) };
    let mut operations = Vec::new();
    let born: Vec<(SessionId, u64)> =
        (0..shape.sessions).map(|session| (SessionId(session), workload.born_ms(dice))).collect();
    for &(session, at_ms) in &born {
        operations.push(PlannedOperation {
            token: Token::None,
            ..workload.call(dice, at_ms, session, Action::Create)
        });
    }
    let races = dice.between(0, u64::from(shape.sessions).min(wanted / 10));
    for _ in 0..races {
        if let Some((session, born_ms)) = dice.pick(&born) {
            operations.extend(workload.race(dice, session, born_ms));
        }
    }
    for _ in 0..dice.between(0, wanted / 40) {
        if let Some((session, born_ms)) = dice.pick(&born) {
            operations.extend(workload.crowd(dice, session, born_ms));
        }
    }
    // Some sessions are busier than others: half of the calls go to a third of them.
    let busy = born.get(..born.len().div_ceil(3)).unwrap_or_default();
    while (operations.len() as u64) < wanted {
        let among = if dice.percent(50) { busy } else { &born };
        let Some((session, born_ms)) = dice.pick(among) else { break };
        let at_ms = workload.later_ms(dice, born_ms);
        let action = workload.mix.action(dice);
        operations.push(workload.call(dice, at_ms, session, action));
    }
    operations.sort_by_key(|operation| operation.at_ms);
    operations
}

/// Where the clients of a crowd are, and how many replicas they ask.
#[derive(Clone, Copy)]
enum Crowd {
    /// In one region: a majority there.
    Region,
    /// Writers in one region ask a majority there, readers elsewhere all replicas.
    World,
    /// In one region: as all other calls.
    Mixed,
}

struct Workload<'a> {
    shape: &'a Shape,
    chaos_ms: u64,
    mix: Mix,
}

impl Workload<'_> {
    fn born_ms(&self, dice: &mut Dice) -> u64 {
        let latest_ms = if dice.percent(70) { self.chaos_ms / 10 } else { self.chaos_ms * 7 / 10 };
        dice.between(0, latest_ms)
    }

    fn later_ms(&self, dice: &mut Dice, born_ms: u64) -> u64 {
        // Half a second is enough for most creations.
        dice.between((born_ms + 500).min(self.chaos_ms - 1), self.chaos_ms - 1)
    }

    fn call(&self, dice: &mut Dice, at_ms: u64, session: SessionId, action: Action) -> PlannedOperation {
        PlannedOperation {
            at_ms,
            client: dice.between(0, u64::from(self.shape.clients) - 1) as u16,
            session,
            action,
            consistency: self.mix.consistency(dice),
            durability: self.mix.durability(dice),
            token: self.mix.token(dice),
            shows: self.mix.shows(dice),
            repeated: self.mix.repeated(dice, action),
            timeout_ms: dice.spread(200, 4_000),
        }
    }

    /// A log-out or another change, and calls of other clients within a few milliseconds, before it and after it.
    fn race(&self, dice: &mut Dice, session: SessionId, born_ms: u64) -> Vec<PlannedOperation> {
        let at_ms = self.later_ms(dice, born_ms);
        let member = 0;
        let rotate = Action::Rotate { grace_ms: grace_ms(dice) };
        let action = dice.weighted(&[
            (Action::Revoke, 6),
            (Action::RemoveMember { member }, 2),
            (Action::Login { principal: 0 }, 1),
            (Action::LogOutEverywhere { principal: 1 }, 1),
            (rotate, 2),
        ]);
        let first = self.call(dice, at_ms, session, action.unwrap_or(Action::Revoke));
        let regions = self.shape.regions.len() as u64;
        let mut race = vec![first];
        for step in 1..=dice.between(1, 4) {
            let near_ms = (at_ms + dice.between(0, 30)).saturating_sub(15).min(self.chaos_ms - 1);
            let rotate = Action::Rotate { grace_ms: grace_ms(dice) };
            let action = dice.weighted(&[
                (Action::Touch, 3),
                (Action::Set { field: 0 }, 3),
                (Action::AddMember { member }, 3),
                (Action::Login { principal: 1 }, 1),
                (rotate, 2),
                (Action::Read, 2),
            ]);
            let rival = self.call(dice, near_ms, session, action.unwrap_or(Action::Touch));
            // The next clients in number live in the next regions.
            let client = (u64::from(first.client) + 1 + step % regions) % u64::from(self.shape.clients);
            race.push(PlannedOperation { client: client as u16, token: Token::None, ..rival });
        }
        race
    }

    /// Calls on one session as close together as its clients can: what one of them has
    /// just written, others read from another replica.
    fn crowd(&self, dice: &mut Dice, session: SessionId, born_ms: u64) -> Vec<PlannedOperation> {
        let at_ms = self.later_ms(dice, born_ms);
        let lasts_ms = dice.spread(10, 300);
        let kind = dice.pick_or(&[Crowd::Region, Crowd::Region, Crowd::World, Crowd::Mixed], Crowd::Mixed);
        let region = dice.between(0, self.shape.regions.len() as u64 - 1) as usize;
        let (here, elsewhere): (Vec<u16>, Vec<u16>) =
            (0..self.shape.clients).partition(|client| self.shape.region_of_client(*client) == region);
        let reads_percent = dice.pick_or(&[20, 50], 50);
        let calls = dice.between(8, 40);
        (0..calls)
            .map(|_| {
                let is_read = dice.percent(reads_percent);
                let action = if is_read { Action::Read } else { self.mix.action(dice) };
                let near_ms = (at_ms + dice.between(0, lasts_ms)).min(self.chaos_ms - 1);
                let call = self.call(dice, near_ms, session, action);
                let (clients, consistency) = match kind {
                    Crowd::Region => (&here, Consistency::LocalQuorum),
                    Crowd::World if action.is_write() => (&here, Consistency::LocalQuorum),
                    Crowd::World => (&elsewhere, Consistency::All),
                    Crowd::Mixed => (&here, call.consistency),
                };
                // They stand in line, and others behind them.
                let timeout_ms = match consistency {
                    Consistency::All | Consistency::EachQuorum => dice.between(300, 1_000),
                    Consistency::LocalOne | Consistency::LocalQuorum => dice.between(100, 300),
                };
                let client = dice.pick_or(clients, call.client);
                PlannedOperation { client, consistency, token: Token::None, timeout_ms, ..call }
            })
            .collect()
    }
}
