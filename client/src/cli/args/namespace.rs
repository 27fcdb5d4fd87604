//! Arguments of `sojourn namespace`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::quantity::parse_duration;

/// What to do with a namespace.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  sojourn namespace key -o export.key
  sojourn namespace export shop -o shop.sojourn --key-file export.key
  sojourn namespace import shop.sojourn --key-file export.key

A file is of use to the cluster it came from, or to one that was founded with the same
cluster key: for disaster recovery, or for a copy to test with. Importing it twice is
importing it once. What was written since stays, and so does what was ended since. Import
into a new cluster before it takes logins: what it has made itself is not overwritten.")]
pub(crate) enum NamespaceCommand {
    /// Make a key file: 32 random bytes that only its owner may read.
    #[command(after_help = "Example:\n  sojourn namespace key -o export.key")]
    Key {
        /// The key file, which must not be there yet.
        #[arg(short, long = "output-file", value_name = "KEY")]
        out: PathBuf,
    },
    /// Write the live sessions of a namespace, its policy and its principals into a sealed file.
    Export(ExportArgs),
    /// Merge the sessions of such a file into the cluster.
    Import(ImportArgs),
}

/// Arguments of `export`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn namespace export shop -o shop.sojourn --key-file export.key
  sojourn namespace export shop -o shop.sojourn --key-file export.key --region us")]
pub(crate) struct ExportArgs {
    /// The namespace.
    #[arg(value_name = "NAME")]
    pub(crate) namespace: String,
    /// The file to write, which must not be there yet.
    #[arg(short, long = "output-file", value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The key, and whom to ask.
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
}

/// Arguments of `import`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn namespace import shop.sojourn --key-file export.key
  sojourn --data ./other-cluster namespace import shop.sojourn --key-file export.key")]
pub(crate) struct ImportArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The key, and whom to ask.
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
}

/// What an export and an import need alike.
#[derive(Args, Debug)]
pub(crate) struct CopyArgs {
    /// The key file.
    #[arg(long, value_name = "KEY")]
    pub(crate) key_file: PathBuf,
    /// The region to ask [default: the first that answers].
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// How long to wait for each answer.
    #[arg(long, value_parser = parse_duration, default_value = "30s", value_name = "DURATION")]
    pub(crate) timeout: Duration,
}
