//! The mix of calls: each seed leans another way.

use super::super::{Action, Consistency, Durability, Shows, Token};
use super::dice::Dice;

#[derive(Clone, Copy)]
enum Kind {
    Create,
    Set,
    Remove,
    Add,
    AddMember,
    RemoveMember,
    Login,
    LogOutEverywhere,
    Touch,
    Rotate,
    Revoke,
    Read,
}

/// What a seed's clients like to do.
pub(super) struct Mix {
    kinds: Vec<(Kind, u64)>,
    consistency: Vec<(Consistency, u64)>,
    synced_percent: u64,
    tokens: Vec<(Token, u64)>,
    repeated_percent: u64,
    before_percent: u64,
    fields: u64,
}

impl Mix {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let kinds = [
            (Kind::Create, 2),
            (Kind::Set, 20),
            (Kind::Remove, 4),
            (Kind::Add, 10),
            (Kind::AddMember, 8),
            (Kind::RemoveMember, 4),
            (Kind::Login, 5),
            (Kind::LogOutEverywhere, 1),
            (Kind::Touch, 10),
            (Kind::Rotate, 4),
            (Kind::Revoke, 3),
            (Kind::Read, 40),
        ];
        // Swarm: some kinds are off, some are frequent. Reads are never off: they are what is judged.
        let kinds = kinds.into_iter().map(|(kind, weight)| {
            let factor = dice.weighted(&[(0, 15), (1, 55), (4, 20), (10, 10)]).unwrap_or(1);
            let factor = if matches!(kind, Kind::Read) { factor.max(1) } else { factor };
            (kind, weight * factor)
        });
        Self {
            kinds: kinds.collect(),
            consistency: consistency(dice),
            synced_percent: dice.pick_or(&[0, 30, 50, 100], 50),
            tokens: tokens(dice),
            repeated_percent: dice.pick_or(&[0, 10, 30], 0),
            before_percent: dice.pick_or(&[0, 5, 25], 5),
            fields: dice.between(1, 4),
        }
    }

    pub(super) fn action(&self, dice: &mut Dice) -> Action {
        let kind = dice.weighted(&self.kinds).unwrap_or(Kind::Read);
        let mut small = || dice.between(0, self.fields - 1) as u8;
        match kind {
            Kind::Create => Action::Create,
            Kind::Set => Action::Set { field: small() },
            Kind::Remove => Action::Remove { field: small() },
            Kind::AddMember => Action::AddMember { member: small() },
            Kind::RemoveMember => Action::RemoveMember { member: small() },
            Kind::Login => Action::Login { principal: small() },
            Kind::LogOutEverywhere => Action::LogOutEverywhere { principal: small() },
            Kind::Add => match dice.signed(20) as i32 {
                0 => Action::Add { amount: 1 },
                amount => Action::Add { amount },
            },
            Kind::Touch => Action::Touch,
            Kind::Rotate => Action::Rotate { grace_ms: grace_ms(dice) },
            Kind::Revoke => Action::Revoke,
            Kind::Read => Action::Read,
        }
    }

    pub(super) fn consistency(&self, dice: &mut Dice) -> Consistency {
        dice.weighted(&self.consistency).unwrap_or(Consistency::LocalOne)
    }

    pub(super) fn durability(&self, dice: &mut Dice) -> Durability {
        if dice.percent(self.synced_percent) { Durability::Synced } else { Durability::Buffered }
    }

    pub(super) fn token(&self, dice: &mut Dice) -> Token {
        dice.weighted(&self.tokens).unwrap_or(Token::None)
    }

    pub(super) fn shows(&self, dice: &mut Dice) -> Shows {
        if dice.percent(self.before_percent) { Shows::Before } else { Shows::Newest }
    }

    pub(super) fn repeated(&self, dice: &mut Dice, action: Action) -> bool {
        action.is_write() && dice.percent(self.repeated_percent)
    }
}

/// None, as at a login, or as long as calls that are under way may take.
pub(super) fn grace_ms(dice: &mut Dice) -> u32 {
    if dice.percent(50) { 0 } else { dice.spread(200, 30_000) as u32 }
}

fn consistency(dice: &mut Dice) -> Vec<(Consistency, u64)> {
    use Consistency::{All, EachQuorum, LocalOne, LocalQuorum};
    let [one, local, each, all] = dice
        .pick(&[[100, 0, 0, 0], [60, 30, 6, 4], [20, 60, 15, 5], [10, 20, 50, 20]])
        .unwrap_or([60, 30, 6, 4]);
    vec![(LocalOne, one), (LocalQuorum, local), (EachQuorum, each), (All, all)]
}

fn tokens(dice: &mut Dice) -> Vec<(Token, u64)> {
    let [none, own, newest, forged] = dice
        .pick(&[[100, 0, 0, 0], [30, 60, 10, 0], [30, 20, 50, 0], [40, 40, 15, 5]])
        .unwrap_or([100, 0, 0, 0]);
    vec![(Token::None, none), (Token::Own, own), (Token::Newest, newest), (Token::Forged, forged)]
}
