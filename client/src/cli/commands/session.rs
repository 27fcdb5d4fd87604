//! `sojourn session`.

use std::io::BufRead;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sojourn_client::{Auth, CausalToken, Changes, Client, Session, SessionId, UpdateCall, Value};

use super::levels::{at_levels, read_level};
use super::receipt::{self, Wait, waiting};
use super::session_view;
use crate::cli::args::{
    AddArgs, AuthArgs, CreateArgs, GetArgs, ReceiptArgs, RevokeArgs, RotateArgs, SessionArgs, SessionCommand,
    SetArgs, Target, TouchArgs, UnsetArgs, WriteArgs,
};
use crate::cli::cluster::{ClusterState, reach};
use crate::cli::error::CliError;
use crate::cli::host;
use crate::cli::output::Output;

/// Where the calls go and what they carry.
struct Context<'a> {
    client: Client,
    namespace: String,
    token: Option<CausalToken>,
    output: &'a Output,
}

/// Creates, reads, changes or ends a session.
pub(crate) async fn run(data: &Path, args: SessionArgs, output: &Output) -> Result<(), CliError> {
    let state = ClusterState::read(data)?;
    let token = args.causal_token.as_deref().map(|text| parse_token("--causal-token", text)).transpose()?;
    let client = reach(&state, &args.reach).await?;
    let context = Context { client, namespace: args.reach.namespace, token, output };
    match args.command {
        SessionCommand::Create(args) => context.create(*args).await,
        SessionCommand::Get(args) => context.get(args).await,
        SessionCommand::Set(args) => context.set(args).await,
        SessionCommand::Unset(args) => context.unset(args).await,
        SessionCommand::Add(args) => context.add(args).await,
        SessionCommand::Touch(args) => context.touch(args).await,
        SessionCommand::Rotate(args) => context.rotate(args).await,
        SessionCommand::Revoke(args) => context.revoke(args).await,
        SessionCommand::Receipt(args) => context.receipt(args).await,
    }
}

impl Context<'_> {
    async fn create(&self, args: CreateArgs) -> Result<(), CliError> {
        let mut call = self.client.create(&self.namespace).changes(first_content(&args)?);
        if let Some(idle) = args.idle {
            call = call.idle_timeout_ms(u64::try_from(idle.as_millis()).unwrap_or(u64::MAX));
        }
        if let Some(absolute) = args.absolute {
            call = call.absolute_timeout_ms(u64::try_from(absolute.as_millis()).unwrap_or(u64::MAX));
        }
        let created = at_levels!(call, args.write).await?;
        self.new_id(&created.id, &created.token, Some(&created.session));
        Ok(())
    }

    async fn rotate(&self, args: RotateArgs) -> Result<(), CliError> {
        let id = session_id(&args.target)?;
        let mut call = at_levels!(self.client.rotate(&self.namespace, &id).touch(), args.write);
        if let Some(grace) = args.grace {
            call = call.grace_ms(u32::try_from(grace.as_millis()).unwrap_or(u32::MAX));
        }
        if args.auth.principal.is_some() {
            call = call.changes(log_in(Changes::new(), &args.auth));
        }
        if let Some(token) = &self.token {
            call = call.after(token);
        }
        let rotated = call.return_session().await?;
        self.new_id(&rotated.id, &rotated.token, rotated.session.as_ref());
        Ok(())
    }

    fn new_id(&self, id: &SessionId, token: &CausalToken, session: Option<&Session>) {
        let token = STANDARD.encode(token.as_bytes());
        self.output.line(id.reveal());
        self.output.note("This id is the session: it is shown only here.");
        self.output.note(format!("token: {token}"));
        self.output.json(&json!({
            "session_id": id.reveal(),
            "session": session.map(session_view::to_json),
            "causal_token": token,
        }));
    }

    async fn get(&self, args: GetArgs) -> Result<(), CliError> {
        let id = session_id(&args.target)?;
        let mut call = self.client.get(&self.namespace, &id);
        if let Some(level) = args.consistency {
            call = call.consistency(read_level(level));
        }
        if let Some(token) = &self.token {
            call = call.after(token);
        }
        if let Some(age) = args.revocations_age_max {
            call = call.revocations_staleness_ms_max(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        }
        if args.revocations_age {
            call = call.report_revocations_staleness();
        }
        let read = call.await?;
        session_view::print(&read.session, self.output);
        for (region, staleness_ms) in &read.revocations_staleness_ms {
            let age = staleness_ms.map_or_else(|| "unknown".to_owned(), |age_ms| format!("{age_ms} ms"));
            self.output.line(format!("revocations of {region} known up to {age} ago"));
        }
        self.output.note(format!("token: {}", STANDARD.encode(read.token.as_bytes())));
        self.output.json(&json!({
            "session": session_view::to_json(&read.session),
            "causal_token": STANDARD.encode(read.token.as_bytes()),
            "revocations_staleness_ms": read.revocations_staleness_ms,
        }));
        Ok(())
    }

    async fn set(&self, args: SetArgs) -> Result<(), CliError> {
        let mut changes = Changes::new();
        for pair in &args.attributes {
            let (name, value) = args.attribute(pair)?;
            changes = changes.set(name, value);
        }
        let id = session_id(&args.target)?;
        let mut call = self.client.update(&self.namespace, &id, changes);
        for pair in &args.if_here {
            let (name, value) = args.attribute(pair)?;
            call = call.expect_here(name, value);
        }
        for name in &args.if_absent_here {
            call = call.expect_absent_here(name);
        }
        self.updated(call, args.write).await
    }

    async fn unset(&self, args: UnsetArgs) -> Result<(), CliError> {
        let changes = args.names.iter().fold(Changes::new(), Changes::remove);
        self.update(&args.target, changes, args.write).await
    }

    async fn add(&self, args: AddArgs) -> Result<(), CliError> {
        let mut changes = Changes::new();
        for pair in &args.counters {
            let (name, text) = split(pair)?;
            let amount = text.parse().map_err(|_| {
                CliError::Usage(format!("the amount in {pair:?} is no whole number, for example views=1"))
            })?;
            changes = changes.add(name, amount);
        }
        for pair in &args.members {
            let (set, member) = split(pair)?;
            changes = changes.add_member(set, member.to_owned());
        }
        for pair in &args.remove_members {
            let (set, member) = split(pair)?;
            changes = changes.remove_member(set, member.to_owned());
        }
        self.update(&args.target, changes, args.write).await
    }

    async fn update(&self, target: &Target, changes: Changes, write: WriteArgs) -> Result<(), CliError> {
        let id = session_id(target)?;
        self.updated(self.client.update(&self.namespace, &id, changes), write).await
    }

    async fn updated(&self, call: UpdateCall<'_>, write: WriteArgs) -> Result<(), CliError> {
        let mut call = at_levels!(call, write);
        if let Some(token) = &self.token {
            call = call.after(token);
        }
        let updated = call.await?;
        self.done("updated", &updated.token, json!({}));
        Ok(())
    }

    async fn touch(&self, args: TouchArgs) -> Result<(), CliError> {
        let id = session_id(&args.target)?;
        let mut call = at_levels!(self.client.touch(&self.namespace, &id), args.write);
        if let Some(token) = &self.token {
            call = call.after(token);
        }
        let touched = call.await?;
        let left_s = touched.expires_at_ms.saturating_sub(host::unix_ms()) / 1000;
        let facts = json!({ "expires_at_ms": touched.expires_at_ms });
        self.done(&format!("touched: it ends in {left_s} s if it is not used again"), &touched.token, facts);
        Ok(())
    }

    async fn revoke(&self, args: RevokeArgs) -> Result<(), CliError> {
        let id = session_id(&args.target)?;
        let call = self.client.revoke(&self.namespace, &id, &args.reason);
        let call = waiting!(at_levels!(call, args.write), Wait::new(args.wait));
        let revoked = call.await?;
        let mut facts = json!({ "revoked_at_ms": revoked.revoked_at_ms, "reason": revoked.reason });
        facts["receipt"] = receipt::to_json(&revoked.receipt);
        receipt::print(&revoked.receipt, self.output);
        self.done(&format!("revoked for ever, reason {}", revoked.reason), &revoked.token, facts);
        Ok(())
    }

    async fn receipt(&self, args: ReceiptArgs) -> Result<(), CliError> {
        let id = session_id(&args.target)?;
        let token = parse_token("--token", &args.token)?;
        let call = self.client.receipt(&self.namespace, &id, &token);
        let receipt = waiting!(call, Wait::new(args.wait)).await?;
        receipt::print(&receipt, self.output);
        self.output.json(&receipt::to_json(&receipt));
        Ok(())
    }

    fn done(&self, text: &str, token: &CausalToken, mut facts: Json) {
        let token = STANDARD.encode(token.as_bytes());
        self.output.line(text);
        self.output.note(format!("token: {token}"));
        facts["causal_token"] = token.into();
        self.output.json(&facts);
    }
}

impl SetArgs {
    fn attribute<'a>(&self, pair: &'a str) -> Result<(&'a str, Value), CliError> {
        let (name, text) = split(pair)?;
        let value = match (self.json, self.base64) {
            (true, _) => Value::json(text),
            (_, true) => Value::from(decode_base64(text)?),
            _ => Value::from(text),
        };
        Ok((name, value))
    }
}

fn first_content(args: &CreateArgs) -> Result<Changes, CliError> {
    let mut changes = Changes::new();
    for pair in &args.attributes.text {
        let (name, text) = split(pair)?;
        changes = changes.set(name, text);
    }
    for pair in &args.attributes.json {
        let (name, text) = split(pair)?;
        changes = changes.set(name, Value::json(text));
    }
    Ok(log_in(changes, &args.auth))
}

fn log_in(changes: Changes, args: &AuthArgs) -> Changes {
    let Some(principal) = &args.principal else { return changes };
    let mut auth = Auth::new(principal).level(args.level).auth_time_ms(host::unix_ms());
    auth.methods.clone_from(&args.methods);
    auth.roles.clone_from(&args.roles);
    changes.auth(auth).device(&args.device)
}

fn session_id(target: &Target) -> Result<SessionId, CliError> {
    session_id_of(&target.id)
}

/// A session's id, read from standard input if it is `-`.
pub(super) fn session_id_of(id: &str) -> Result<SessionId, CliError> {
    if id != "-" {
        return Ok(SessionId::new(id));
    }
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| CliError::io("cannot read the id from standard input", error))?;
    Ok(SessionId::new(line.trim()))
}

fn split(pair: &str) -> Result<(&str, &str), CliError> {
    pair.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        // The text may be a value that nobody else should see, so it is not repeated.
        CliError::Usage("an argument is not name=value".into())
    })
}

fn decode_base64(text: &str) -> Result<Vec<u8>, CliError> {
    STANDARD.decode(text).map_err(|_| CliError::Usage("a value is not base64".into()))
}

/// A token as it was printed, given as `argument`.
pub(super) fn parse_token(argument: &str, text: &str) -> Result<CausalToken, CliError> {
    let bytes = STANDARD.decode(text);
    bytes.map(CausalToken::from_bytes).map_err(|_| CliError::Usage(format!("{argument} is not base64")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_splits_at_the_first_sign() {
        assert_eq!(split("a=b=c").unwrap(), ("a", "b=c"));
        assert!(split("a").is_err());
        assert!(split("=a").is_err());
    }

    #[test]
    fn a_wrong_pair_is_not_repeated() {
        assert!(!split("hunter2").unwrap_err().to_string().contains("hunter2"));
    }
}
