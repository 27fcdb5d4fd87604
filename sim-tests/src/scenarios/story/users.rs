//! What users do while the scene is played.

use super::Story;
use crate::plan::{Action, Consistency, Durability, Level, PlannedOperation, SessionId, Shows, Token};

/// By when all sessions are created.
const CREATED_MS: u64 = 2_000;
/// When other calls begin; creations have been answered by then.
const WORK_FROM_MS: u64 = 4_000;
const TIMEOUT_MS: u64 = 3_000;
const GRACE_MS: u32 = 5_000;

impl Story {
    /// A new session, created early by a client of a region. Nobody else touches it.
    pub(in crate::scenarios) fn session_of(&mut self, region: u16) -> SessionId {
        let client = self.any_client_of(region);
        let at_ms = self.draw(0..CREATED_MS);
        self.session_created(client, at_ms)
    }

    /// Users of every region go on with sessions of their own and of each other,
    /// from the beginning of the scene to its end. A few log out.
    pub(in crate::scenarios) fn users_work_throughout(&mut self) {
        let (sessions, calls) = match self.plan.level {
            Level::Core => (12, 150),
            Level::Full => (8, 80),
        };
        let sessions: Vec<SessionId> = (0..sessions).map(|_| self.session_of_anyone()).collect();
        for _ in 0..calls {
            let at_ms = self.draw(WORK_FROM_MS..self.plan.chaos_ms);
            let place = self.draw(0..sessions.len() as u64) as usize;
            let call = self.call(at_ms, sessions[place]);
            self.plan.operations.push(call);
        }
    }

    fn session_of_anyone(&mut self) -> SessionId {
        let region = self.any_region();
        self.session_of(region)
    }

    fn session_created(&mut self, client: u16, at_ms: u64) -> SessionId {
        let session = SessionId(self.plan.shape.sessions);
        self.plan.shape.sessions += 1;
        self.at_ms(at_ms).client_calls(client, session, Action::Create);
        session
    }

    fn call(&mut self, at_ms: u64, session: SessionId) -> PlannedOperation {
        let action = self.action();
        PlannedOperation {
            at_ms,
            client: self.draw(0..u64::from(self.plan.shape.clients)) as u16,
            session,
            action,
            consistency: match self.draw(0..10) {
                0..5 => Consistency::LocalOne,
                5..9 => Consistency::LocalQuorum,
                _ => Consistency::EachQuorum,
            },
            durability: self.either(Durability::Buffered, Durability::Synced),
            token: match self.draw(0..10) {
                0..3 => Token::None,
                3..8 => Token::Own,
                _ => Token::Newest,
            },
            shows: Shows::Newest,
            repeated: action.is_write() && self.draw(0..10) == 0,
            timeout_ms: TIMEOUT_MS,
        }
    }

    fn action(&mut self) -> Action {
        let small = self.draw(0..3) as u8;
        match self.draw(0..100) {
            0..40 => Action::Read,
            40..60 => Action::Set { field: small },
            60..65 => Action::Remove { field: small },
            65..75 => Action::Add { amount: i32::from(small) + 1 },
            75..83 => Action::AddMember { member: small },
            83..87 => Action::RemoveMember { member: small },
            87..92 => Action::Login { principal: small },
            92..96 => Action::Touch,
            96..98 => Action::Rotate { grace_ms: self.either(0, GRACE_MS) },
            _ => Action::Revoke,
        }
    }
}
