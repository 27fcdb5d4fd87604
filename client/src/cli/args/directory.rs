//! Arguments of `sojourn principal` and `sojourn policy`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::levels::{DurabilityLevel, Level, ReadLevel, WriteArgs};
use super::quantity::parse_duration;
use super::session::Reach;

/// The sessions of a principal.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn principal sessions alice
  sojourn principal end alice 5f2c…                one of them, by its reference
  sojourn principal logout alice                   all of them, in every region, with one write
  sojourn principal logout alice --keep ID         all but this one
  sojourn principal logout alice --consistency each-quorum
  sojourn principal logout alice --wait all        applied in eu, us; pending ap
  sojourn principal receipt --token BASE64         where it is applied by now")]
pub(crate) struct PrincipalArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: PrincipalCommand,
    /// Where it is asked.
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// What to do with a principal's sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum PrincipalCommand {
    /// The sessions that a principal is logged in to, the newest login first.
    #[command(after_help = "\
Examples:
  sojourn principal sessions alice
  sojourn principal sessions alice --namespace shop --output json")]
    Sessions {
        /// The principal.
        #[arg(value_name = "PRINCIPAL")]
        principal: String,
    },
    /// End one session by its reference.
    #[command(after_help = "\
Examples:
  sojourn principal end alice 5f2c…
  sojourn principal end alice 5f2c… --reason lost-device --wait all
  sojourn principal end alice 5f2c… --consistency each-quorum --durability synced")]
    End {
        /// The principal.
        #[arg(value_name = "PRINCIPAL")]
        principal: String,
        /// The session's reference, as `sessions` prints it.
        #[arg(value_name = "REFERENCE")]
        reference: String,
        /// Why, for audit.
        #[arg(long, default_value = "ended")]
        reason: String,
        /// How the write is kept.
        #[command(flatten)]
        write: WriteArgs,
        /// Regions to wait for until they have applied it, or all.
        #[arg(long, value_delimiter = ',', value_name = "all|REGION,...")]
        wait: Vec<String>,
    },
    /// Which regions have applied a logout everywhere, or the end of a session, by now.
    #[command(after_help = "\
Examples:
  sojourn principal receipt --token BASE64
  sojourn principal receipt --token BASE64 --wait us,ap --timeout 30s")]
    Receipt {
        /// The receipt's token, as `logout` and `end` print it.
        #[arg(long, value_name = "BASE64")]
        token: String,
        /// Regions to wait for until they have applied it, or all.
        #[arg(long, value_delimiter = ',', value_name = "all|REGION,...")]
        wait: Vec<String>,
    },
    /// Log out everywhere: end every session, in every region, also those not heard of yet.
    #[command(after_help = "\
Examples:
  sojourn principal logout alice
  sojourn principal logout alice --keep ID         all sessions but this one
  sojourn principal logout alice --wait all        applied in eu, us; pending ap")]
    Logout {
        /// The principal.
        #[arg(value_name = "PRINCIPAL")]
        principal: String,
        /// The id of a session that goes on, or - to read it from standard input.
        #[arg(long, value_name = "ID", allow_hyphen_values = true)]
        keep: Option<String>,
        /// How the write is kept.
        #[command(flatten)]
        write: WriteArgs,
        /// Regions to wait for until they have applied it, or all.
        #[arg(long, value_delimiter = ',', value_name = "all|REGION,...")]
        wait: Vec<String>,
    },
}

/// What a namespace demands of its sessions.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn policy list
  sojourn policy show --namespace bank
  sojourn policy set --namespace bank --preset aal2
  sojourn policy set --namespace bank --preset aal3 --sessions-max 3 --tighten-at-once

`set` replaces the whole policy. What is not set follows the node's configuration.")]
pub(crate) struct PolicyArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: PolicyCommand,
    /// Where it is asked.
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// What to do with a policy.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Print the policy.
    #[command(after_help = "Example:\n  sojourn policy show --namespace bank")]
    Show,
    /// Print every namespace that has a policy.
    #[command(after_help = "Example:\n  sojourn policy list")]
    List,
    /// Replace the policy.
    Set(PolicySetArgs),
}

/// A policy.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn policy set --namespace bank --preset aal2
  sojourn policy set --namespace bank --preset aal3 --sessions-max 3 --tighten-at-once
  sojourn policy set --namespace shop --idle 2h --write-consistency local-quorum
  sojourn policy set --namespace shop --idle 2h --consistency each-quorum

The whole policy is replaced. What is not set follows the node's configuration.
--consistency and --durability are of the change itself; those of later calls that ask
for none are --write-consistency, --read-consistency and --write-durability.")]
pub(crate) struct PolicySetArgs {
    /// The time-outs of an assurance level: aal1, aal2 or aal3 (NIST SP 800-63B-4).
    #[arg(long, default_value = "", value_name = "NAME")]
    pub(crate) preset: String,
    /// The idle time-out, and the longest that may be asked for.
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    pub(crate) idle: Option<Duration>,
    /// The absolute time-out, and the longest that may be asked for.
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    pub(crate) absolute: Option<Duration>,
    /// Attributes of a session.
    #[arg(long, value_name = "COUNT")]
    pub(crate) attributes_max: Option<u64>,
    /// An attribute's value, in bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) value_bytes_max: Option<u64>,
    /// A session as it is encoded, in bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) session_bytes_max: Option<u64>,
    /// Sessions of one principal; 0 means no limit.
    #[arg(long, value_name = "COUNT")]
    pub(crate) sessions_max: Option<u64>,
    /// Refuse a login beyond that [default: the oldest session ends].
    #[arg(long, requires = "sessions_max")]
    pub(crate) refuse: bool,
    /// Take ids minted by the application's framework: true or false.
    #[arg(long, value_name = "BOOL")]
    pub(crate) adopted_ids: Option<bool>,
    /// The time-outs hold also for sessions that were begun by longer ones.
    #[arg(long)]
    pub(crate) tighten_at_once: bool,
    /// The level of writes that ask for none.
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) write_consistency: Option<Level>,
    /// The level of reads that ask for none.
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) read_consistency: Option<ReadLevel>,
    /// The durability of writes that ask for none.
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) write_durability: Option<DurabilityLevel>,
    /// How many replicas must have this change before the answer [default: local-one].
    #[arg(long, value_enum)]
    pub(crate) consistency: Option<Level>,
    /// When this change must be on disk [default: buffered].
    #[arg(long, value_enum)]
    pub(crate) durability: Option<DurabilityLevel>,
}
