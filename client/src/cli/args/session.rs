//! Arguments of `sojourn session`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::levels::{ReadLevel, WriteArgs};
use super::quantity::parse_duration;

/// Where and how sessions are reached.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn session create --region eu --attr user=alice --idle 30m
  sojourn session get ID --region us
  sojourn session set ID cart='{\"tea\":2}' --json
  sojourn session add ID views=1 --member roles=admin
  sojourn session rotate ID --principal alice --methods pwd
  sojourn session revoke ID --reason logout
  sojourn session revoke ID --wait all            applied in eu, us; pending ap
  sojourn session receipt ID --token BASE64 --wait ap
  sojourn session get ID --revocations-age-max 3s

Use - as ID to read it from standard input, so that no process list shows it.")]
pub(crate) struct SessionArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: SessionCommand,
    /// Where it is asked.
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// A token of an earlier answer: see at least that write.
    #[arg(long, global = true, value_name = "BASE64")]
    pub(crate) causal_token: Option<String>,
}

/// Whom a command asks, and about which namespace.
#[derive(Args, Debug)]
pub(crate) struct Reach {
    /// The region to ask [default: the first that answers].
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// The node to ask.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) node: Option<String>,
    /// The namespace.
    #[arg(long, global = true, default_value = "default", value_name = "NAME")]
    pub(crate) namespace: String,
    /// How long to wait for the answer.
    #[arg(long, global = true, value_parser = parse_duration, default_value = "5s", value_name = "DURATION")]
    pub(crate) timeout: Duration,
}

/// What to do with a session.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Make a session and print its id, once.
    Create(Box<CreateArgs>),
    /// Read a session.
    Get(GetArgs),
    /// Write attributes.
    Set(SetArgs),
    /// Remove attributes.
    Unset(UnsetArgs),
    /// Add to counters and change sets.
    Add(AddArgs),
    /// Keep a session alive.
    Touch(TouchArgs),
    /// Give a session another id, and print that, once.
    Rotate(RotateArgs),
    /// End a session for ever, in every region.
    Revoke(RevokeArgs),
    /// Which regions have applied a revocation by now.
    Receipt(ReceiptArgs),
}

/// Which session.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// The session's id, or - to read it from standard input.
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    pub(crate) id: String,
}

/// Attributes of the first content.
#[derive(Args, Debug)]
pub(crate) struct Attributes {
    /// A text attribute, as name=value; may be repeated.
    #[arg(long = "attr", value_name = "NAME=TEXT")]
    pub(crate) text: Vec<String>,
    /// A JSON attribute, as name=document; may be repeated.
    #[arg(long = "attr-json", value_name = "NAME=JSON")]
    pub(crate) json: Vec<String>,
}

/// Who is logged in.
#[derive(Args, Debug)]
pub(crate) struct AuthArgs {
    /// The principal who is logged in.
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<String>,
    /// Assurance level, 1 upwards.
    #[arg(long, requires = "principal", default_value_t = 1)]
    pub(crate) level: u32,
    /// How the principal proved itself, for example pwd,otp.
    #[arg(long, requires = "principal", value_delimiter = ',', value_name = "NAMES")]
    pub(crate) methods: Vec<String>,
    /// The principal's roles.
    #[arg(long, requires = "principal", value_delimiter = ',', value_name = "NAMES")]
    pub(crate) roles: Vec<String>,
    /// What the principal's list of sessions calls the device.
    #[arg(long, requires = "principal", default_value = "", value_name = "TEXT")]
    pub(crate) device: String,
}

/// Arguments of `create`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn session create --attr user=alice --idle 30m
  sojourn session create --principal alice --methods pwd,otp --level 2 --device laptop
  sojourn session create --attr-json cart='{\"tea\":2}' --consistency local-quorum")]
pub(crate) struct CreateArgs {
    /// The first attributes.
    #[command(flatten)]
    pub(crate) attributes: Attributes,
    /// The first principal.
    #[command(flatten)]
    pub(crate) auth: AuthArgs,
    /// How long it may lie idle, no longer than the policy says [default: the policy's, else the node's].
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    pub(crate) idle: Option<Duration>,
    /// How long it may live, no longer than the policy says [default: the policy's, else the node's].
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    pub(crate) absolute: Option<Duration>,
    /// How the write is kept.
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// Arguments of `get`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn session get ID --region us
  sojourn session get ID --consistency local-quorum --output json
  sojourn session get ID --revocations-age-max 3s      fails if a logout older than that may be missing")]
pub(crate) struct GetArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) target: Target,
    /// How many replicas are asked [default: the policy's, else local-one].
    #[arg(long, value_enum)]
    pub(crate) consistency: Option<ReadLevel>,
    /// Fail if revocations of the regions that are older than this may be missing there.
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    pub(crate) revocations_age_max: Option<Duration>,
    /// Print how old the revocations are that the node knows, region by region.
    #[arg(long)]
    pub(crate) revocations_age: bool,
}

/// Arguments of `set`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn session set ID theme=dark
  sojourn session set ID cart='{\"tea\":2}' --json
  sojourn session set ID step=2 --if-here step=1       only if the replica asked has step=1")]
pub(crate) struct SetArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) target: Target,
    /// Attributes to write.
    #[arg(required = true, value_name = "NAME=VALUE")]
    pub(crate) attributes: Vec<String>,
    /// Only if the attribute holds this value at the replica asked (compare and set).
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) if_here: Vec<String>,
    /// Only if the attribute is not there at the replica asked.
    #[arg(long, value_name = "NAME")]
    pub(crate) if_absent_here: Vec<String>,
    /// The values are JSON documents.
    #[arg(long, conflicts_with = "base64")]
    pub(crate) json: bool,
    /// The values are bytes in base64.
    #[arg(long)]
    pub(crate) base64: bool,
    /// How the write is kept.
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// Arguments of `unset`.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  sojourn session unset ID theme cart")]
pub(crate) struct UnsetArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) target: Target,
    /// Attributes to remove.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// How the write is kept.
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// Arguments of `add`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn session add ID views=1 stock=-2
  sojourn session add ID --member roles=admin --remove-member roles=guest")]
pub(crate) struct AddArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) target: Target,
    /// Counters and amounts; a negative amount subtracts.
    #[arg(value_name = "COUNTER=AMOUNT", required_unless_present_any = ["members", "remove_members"])]
    pub(crate) counters: Vec<String>,
    /// A member to add to a set; may be repeated.
    #[arg(long = "member", value_name = "SET=MEMBER")]
    pub(crate) members: Vec<String>,
    /// A member to remove from a set; may be repeated.
    #[arg(long = "remove-member", value_name = "SET=MEMBER")]
    pub(crate) remove_members: Vec<String>,
    /// How the write is kept.
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// Arguments of `touch`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn session touch ID
  sojourn session touch ID --region us --causal-token BASE64")]
pub(crate) struct TouchArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) target: Target,
    /// How the write is kept.
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// Arguments of `rotate`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn session rotate ID                                    # routine: the old id works for 30 s more
  sojourn session rotate ID --grace 0s                         # the old id is dead at once
  sojourn session rotate ID --principal alice --methods pwd    # a login: dead at once, too

`sojourn watch` and `sojourn explain` show when somebody uses an old id.")]
pub(crate) struct RotateArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) target: Target,
    /// For how long the old id is still accepted, 10m at most [default: 30s, and 0s with --principal].
    #[arg(long, value_parser = parse_duration, value_name = "DURATION", conflicts_with = "principal")]
    pub(crate) grace: Option<Duration>,
    /// A login or step-up to make with it.
    #[command(flatten)]
    pub(crate) auth: AuthArgs,
    /// How the write is kept.
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// Arguments of `revoke`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn session revoke ID --reason logout
  sojourn session revoke ID --wait all                 applied in eu, us; pending ap
  sojourn session revoke ID --consistency each-quorum --durability synced")]
pub(crate) struct RevokeArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) target: Target,
    /// Why, for audit.
    #[arg(long, default_value = "logout")]
    pub(crate) reason: String,
    /// How the write is kept.
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    /// Regions to wait for until they have applied it, or all.
    #[arg(long, value_delimiter = ',', value_name = "all|REGION,...")]
    pub(crate) wait: Vec<String>,
}

/// Arguments of `receipt`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn session receipt ID --token BASE64
  sojourn session receipt ID --token BASE64 --wait ap --timeout 30s")]
pub(crate) struct ReceiptArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) target: Target,
    /// The receipt's token, as `revoke` prints it.
    #[arg(long, value_name = "BASE64")]
    pub(crate) token: String,
    /// Regions to wait for until they have applied it, or all.
    #[arg(long, value_delimiter = ',', value_name = "all|REGION,...")]
    pub(crate) wait: Vec<String>,
}
