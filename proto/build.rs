//! Compiles the protos with a pure-Rust compiler, so that no `protoc` is needed.

use std::path::PathBuf;

const FILES: [&str; 7] = [
    "sojourn/session/v1/session.proto",
    "sojourn/cluster/v1/cluster.proto",
    "sojourn/directory/v1/directory.proto",
    "sojourn/feed/v1/feed.proto",
    "sojourn/export/v1/export.proto",
    "sojourn/replication/v1/replication.proto",
    "sojourn/membership/v1/membership.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed={}", root.join("sojourn").display());
    let descriptors = protox::compile(FILES, [&root])?;
    std::fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure().btree_map(".").bytes(".").compile_fds(descriptors)?;
    Ok(())
}
