//! `sojourn principal`.

use std::path::Path;

use serde_json::json;
use sojourn_client::directory_types::SessionSummary;

use super::feed::hex;
use super::levels::at_levels;
use super::receipt::{self, Wait, waiting};
use super::session::{parse_token, session_id_of};
use crate::cli::args::{PrincipalArgs, PrincipalCommand};
use crate::cli::cluster::{ClusterState, reach};
use crate::cli::error::CliError;
use crate::cli::host;
use crate::cli::output::{Output, Table};

/// Lists or ends a principal's sessions.
pub(crate) async fn run(data: &Path, args: PrincipalArgs, output: &Output) -> Result<(), CliError> {
    let client = reach(&ClusterState::read(data)?, &args.reach).await?;
    let namespace = &args.reach.namespace;
    match args.command {
        PrincipalCommand::Sessions { principal } => {
            show(&client.list_sessions(namespace, &principal).await?, output);
        }
        PrincipalCommand::End { principal, reference, reason, write, wait } => {
            let call = client.end_session(namespace, &principal, &bytes_of(&reference)?, &reason);
            let receipt = waiting!(at_levels!(call, write), Wait::new(wait)).await?;
            output.line("ended for ever");
            receipt::print(&receipt, output);
            let receipt = receipt::to_json(&receipt);
            output.json(&json!({ "ended": reference, "reason": reason, "receipt": receipt }));
        }
        PrincipalCommand::Receipt { token, wait } => {
            let call = client.principal_receipt(&parse_token("--token", &token)?);
            let receipt = waiting!(call, Wait::new(wait)).await?;
            receipt::print(&receipt, output);
            output.json(&receipt::to_json(&receipt));
        }
        PrincipalCommand::Logout { principal, keep, write, wait } => {
            let keep = keep.as_deref().map(session_id_of).transpose()?;
            let call = at_levels!(client.end_all_sessions(namespace, &principal), write);
            let call = waiting!(call, Wait::new(wait));
            let done = match &keep {
                Some(keep) => call.keep(keep).await?,
                None => call.await?,
            };
            output.line(if keep.is_some() { "logged out everywhere else" } else { "logged out everywhere" });
            receipt::print(&done.receipt, output);
            let receipt = receipt::to_json(&done.receipt);
            output.json(&json!({ "principal": principal, "kept": keep.is_some(), "receipt": receipt }));
        }
    }
    Ok(())
}

fn show(sessions: &[SessionSummary], output: &Output) {
    let now_ms = host::unix_ms();
    let ago = |at_ms: u64| match at_ms {
        0 => "unknown".to_owned(),
        at_ms => format!("{} s ago", now_ms.saturating_sub(at_ms) / 1000),
    };
    let mut table = Table::new(["reference", "login", "last seen", "region", "level", "device"]);
    for session in sessions {
        table.row([
            hex(&session.session_ref),
            ago(session.login_at_ms),
            ago(session.last_seen_ms),
            session.region.clone(),
            session.level.to_string(),
            session.device.clone(),
        ]);
    }
    match sessions.len() {
        0 => output.line("no sessions"),
        _ => output.table(&table),
    }
    let sessions: Vec<_> = sessions.iter().map(to_json).collect();
    output.json(&json!({ "sessions": sessions }));
}

fn to_json(session: &SessionSummary) -> serde_json::Value {
    json!({
        "session_ref": hex(&session.session_ref),
        "login_at_ms": session.login_at_ms,
        "created_at_ms": session.created_at_ms,
        "last_seen_ms": session.last_seen_ms,
        "absolute_deadline_ms": session.absolute_deadline_ms,
        "region": session.region,
        "level": session.level,
        "device": session.device,
    })
}

fn bytes_of(reference: &str) -> Result<Vec<u8>, CliError> {
    let wrong = || CliError::Usage(format!("{reference:?} is no reference; it has 32 hexadecimal digits"));
    let digits: Option<Vec<u32>> = reference.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 32).ok_or_else(wrong)?;
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).map_err(|_| wrong())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_round_trip_and_others_are_refused() {
        let reference: Vec<u8> = (0..16).collect();
        assert_eq!(bytes_of(&hex(&reference)).unwrap(), reference);
        for wrong in ["", "12", &"g".repeat(32), &"ä".repeat(16)] {
            assert!(bytes_of(wrong).is_err());
        }
    }
}
