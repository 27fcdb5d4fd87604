//! I11: a token that names writes which no node has made gets no answer but "not yet".

use super::Invariant;
use crate::oracle::Oracle;
use crate::plan::Token;
use crate::record::{Answer, Happening, Refusal};

/// What a forged token must not do to others is judged by all other invariants.
pub(crate) struct ForgedTokens;

impl Invariant for ForgedTokens {
    fn id(&self) -> &'static str {
        "I11"
    }

    fn check(&mut self, _: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        let Happening::Answered { operation, again, answer } = happening else { return Ok(()) };
        let Some(call) = oracle.call((*operation, *again)) else { return Ok(()) };
        let is_let_in = match answer {
            Answer::Acknowledged { .. } | Answer::Partly { .. } | Answer::Read { .. } => true,
            Answer::Refused(refusal) => matches!(refusal, Refusal::AlreadyExists),
            Answer::Unknown => false,
        };
        if call.planned.token == Token::Forged && is_let_in {
            return Err(format!("operation {operation} was answered although its token is forged"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live};
    use super::*;
    use crate::plan::{Action, PlannedOperation};

    #[test]
    fn it_is_told_not_yet() {
        let forged = |action| PlannedOperation { token: Token::Forged, ..call(action) };
        let plan = [call(Action::Create), forged(Action::Read), forged(Action::Touch)];
        let mut run = Run::new(ForgedTokens).plans(&plan);
        run.made(0, N[0]);
        assert_eq!(run.refused(1, Refusal::NotYet), Ok(()));
        assert_eq!(run.done(2, Answer::Unknown), Ok(()));
        assert!(run.read(1, N[0], live(|_| {})).is_err());
        assert!(run.done(2, Answer::Acknowledged { node: N[0] }).is_err());
    }
}
