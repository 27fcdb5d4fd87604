//! I10: a call with a causal token sees what the token names, or says "not yet".

use super::Invariant;
use crate::oracle::{Look, Oracle};
use crate::plan::Token;
use crate::record::{Happening, Shown};

/// A client that shows its token to any node of any region sees its own
/// acknowledged writes and the values that it has read, whatever crashed
/// meanwhile, and all that the node which gave the token had made before.
pub(crate) struct CausalTokens;

impl Invariant for CausalTokens {
    fn id(&self) -> &'static str {
        "I10"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        let Happening::Answered { operation, again, .. } = happening else { return Ok(()) };
        let Some(call) = oracle.call((*operation, *again)) else { return Ok(()) };
        if matches!(call.planned.token, Token::None | Token::Forged) {
            return Ok(());
        }
        match oracle.shown_by(call) {
            None | Some((_, Shown::Partial)) => Ok(()),
            Some((node, shown)) => {
                let look =
                    Look { session: call.planned.session, shown, by: call.shows, node, until_us: at_us };
                oracle.check_look(look, &call.covered)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run, call, live};
    use super::*;
    use crate::plan::{Action, PlannedOperation};
    use crate::record::{Answer, LostDisk, Refusal};

    const SET: Action = Action::Set { field: 1 };

    fn with_token(token: Token, action: Action) -> PlannedOperation {
        PlannedOperation { token, ..call(action) }
    }

    fn run(token: Token) -> Run<CausalTokens> {
        let read = with_token(token, Action::Read);
        let plan = [call(Action::Create), with_token(Token::Own, SET), read, read];
        let mut run = Run::new(CausalTokens).plans(&plan);
        run.made(0, N[0]).made(1, N[0]);
        run
    }

    fn fresh() -> Shown {
        live(|content| drop(content.attributes.insert("a1".into(), "v1".into())))
    }

    #[test]
    fn a_client_reads_its_writes_anywhere_or_is_told_not_yet() {
        for token in [Token::Own, Token::Newest] {
            assert!(run(token).read(2, N[1], live(|_| {})).is_err());
            assert!(run(token).read(2, N[1], Shown::Absent).is_err());
            assert!(run(token).refused(2, Refusal::NotFound).is_err());
            assert!(run(token).crash(N[0], LostDisk::All).read(2, N[1], live(|_| {})).is_err());
            assert_eq!(run(token).read(2, N[1], fresh()), Ok(()));
            assert_eq!(run(token).refused(2, Refusal::NotYet), Ok(()));
        }
        assert_eq!(run(Token::None).read(2, N[1], live(|_| {})), Ok(()));
    }

    #[test]
    fn a_write_that_timed_out_is_in_no_token_until_it_is_read() {
        let read = with_token(Token::Own, Action::Read);
        let plan = [call(Action::Create), call(SET), read, read];
        let mut run = Run::new(CausalTokens).plans(&plan);
        run.made(0, N[0]).unknown(1);
        assert_eq!(run.read(2, N[0], live(|_| {})), Ok(()));
        assert_eq!(run.read(2, N[0], fresh()), Ok(()));
        assert!(run.read(3, N[1], live(|_| {})).is_err(), "reads do not go back");
    }

    #[test]
    fn a_later_write_may_have_replaced_it() {
        let plan = [call(Action::Create), call(SET), call(SET), with_token(Token::Own, Action::Read)];
        let mut run = Run::new(CausalTokens).plans(&plan);
        run.made(0, N[0]).made(1, N[0]).invoke(2);
        let newer = live(|content| drop(content.attributes.insert("a1".into(), "v2".into())));
        assert_eq!(run.read(3, N[1], newer), Ok(()));
        run.answer(2, Answer::Acknowledged { node: N[1] }).unwrap();
    }
}
