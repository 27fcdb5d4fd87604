//! `sojourn session`.

use std::io::BufRead;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sojourn_client::{Auth, CausalToken, Changes, Client, Consistency, Durability, SessionId, Value};

use super::session_view;
use crate::cli::args::{
    AddArgs, CreateArgs, DurabilityLevel, GetArgs, Level, ReadLevel, RevokeArgs, SessionArgs, SessionCommand,
    SetArgs, Target, TouchArgs, UnsetArgs, WriteArgs,
};
use crate::cli::cluster::{ClusterState, client, client_of};
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
    let token = args.causal_token.as_deref().map(parse_token).transpose()?;
    let client = match &args.node {
        Some(node) => client_of(&state, state.node(node)?, args.timeout).await?,
        None => client(&state, args.region.as_deref(), args.timeout).await?,
    };
    let context = Context { client, namespace: args.namespace, token, output };
    match args.command {
        SessionCommand::Create(args) => context.create(*args).await,
        SessionCommand::Get(args) => context.get(args).await,
        SessionCommand::Set(args) => context.set(args).await,
        SessionCommand::Unset(args) => context.unset(args).await,
        SessionCommand::Add(args) => context.add(args).await,
        SessionCommand::Touch(args) => context.touch(args).await,
        SessionCommand::Revoke(args) => context.revoke(args).await,
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
        let (consistency, durability) = levels(args.write);
        let created = call.consistency(consistency).durability(durability).await?;
        self.output.line(created.id.reveal());
        self.output.note("This id is the session: it is shown only here.");
        self.output.note(format!("token: {}", STANDARD.encode(created.token.as_bytes())));
        self.output.json(&json!({
            "session_id": created.id.reveal(),
            "session": session_view::to_json(&created.session),
            "causal_token": STANDARD.encode(created.token.as_bytes()),
        }));
        Ok(())
    }

    async fn get(&self, args: GetArgs) -> Result<(), CliError> {
        let id = session_id(&args.target)?;
        let consistency = match args.consistency {
            ReadLevel::LocalOne => Consistency::LocalOne,
            ReadLevel::LocalQuorum => Consistency::LocalQuorum,
            ReadLevel::All => Consistency::All,
        };
        let mut call = self.client.get(&self.namespace, &id).consistency(consistency);
        if let Some(token) = &self.token {
            call = call.after(token);
        }
        let read = call.await?;
        session_view::print(&read.session, self.output);
        self.output.note(format!("token: {}", STANDARD.encode(read.token.as_bytes())));
        self.output.json(&json!({
            "session": session_view::to_json(&read.session),
            "causal_token": STANDARD.encode(read.token.as_bytes()),
        }));
        Ok(())
    }

    async fn set(&self, args: SetArgs) -> Result<(), CliError> {
        let mut changes = Changes::new();
        for pair in &args.attributes {
            let (name, text) = split(pair)?;
            let value = match (args.json, args.base64) {
                (true, _) => Value::json(text),
                (_, true) => Value::from(decode_base64(text)?),
                _ => Value::from(text),
            };
            changes = changes.set(name, value);
        }
        self.update(&args.target, changes, args.write).await
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
        let (consistency, durability) = levels(write);
        let mut call =
            self.client.update(&self.namespace, &id, changes).consistency(consistency).durability(durability);
        if let Some(token) = &self.token {
            call = call.after(token);
        }
        let updated = call.await?;
        self.done("updated", &updated.token, json!({}));
        Ok(())
    }

    async fn touch(&self, args: TouchArgs) -> Result<(), CliError> {
        let id = session_id(&args.target)?;
        let (consistency, durability) = levels(args.write);
        let mut call =
            self.client.touch(&self.namespace, &id).consistency(consistency).durability(durability);
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
        let (consistency, durability) = levels(args.write);
        let call = self.client.revoke(&self.namespace, &id, &args.reason);
        let revoked = call.consistency(consistency).durability(durability).await?;
        let facts = json!({ "revoked_at_ms": revoked.revoked_at_ms, "reason": revoked.reason });
        self.done(&format!("revoked for ever, reason {}", revoked.reason), &revoked.token, facts);
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
    if let Some(principal) = &args.auth.principal {
        let mut auth = Auth::new(principal).level(args.auth.level).auth_time_ms(host::unix_ms());
        auth.methods.clone_from(&args.auth.methods);
        auth.roles.clone_from(&args.auth.roles);
        changes = changes.auth(auth);
    }
    Ok(changes)
}

fn levels(write: WriteArgs) -> (Consistency, Durability) {
    let consistency = match write.consistency {
        Level::LocalOne => Consistency::LocalOne,
        Level::LocalQuorum => Consistency::LocalQuorum,
        Level::EachQuorum => Consistency::EachQuorum,
        Level::All => Consistency::All,
    };
    let durability = match write.durability {
        DurabilityLevel::Buffered => Durability::Buffered,
        DurabilityLevel::Synced => Durability::Synced,
    };
    (consistency, durability)
}

fn session_id(target: &Target) -> Result<SessionId, CliError> {
    if target.id != "-" {
        return Ok(SessionId::new(&target.id));
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

fn parse_token(text: &str) -> Result<CausalToken, CliError> {
    let bytes = STANDARD.decode(text);
    bytes.map(CausalToken::from_bytes).map_err(|_| CliError::Usage("--causal-token is not base64".into()))
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
