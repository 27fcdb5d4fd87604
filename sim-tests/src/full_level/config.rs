//! The configuration of a simulated node, as the plan's shape has it.

use sojourn_node::config::Config;

use super::certificates::{Authority, CLUSTER_ID};
use crate::plan::Shape;
use crate::run::RunError;

/// Where every node listens.
pub(super) const PORT: u16 = 7000;

/// Where the node of a name is reached.
pub(super) fn address(name: &str) -> String {
    format!("{name}:{PORT}")
}

/// The configuration of one node. `seeds` are names; an empty list founds the cluster.
pub(super) fn node_config(
    shape: &Shape,
    authority: &Authority,
    (name, region): (&str, &str),
    founds: bool,
    seeds: &[String],
) -> Result<Config, RunError> {
    let failed = |error: &dyn std::fmt::Display| RunError(format!("configuration of {name}: {error}"));
    let tls = authority.node(name, region).map_err(|error| failed(&error))?;
    let seeds: Vec<String> = seeds.iter().map(|seed| address(seed)).collect();
    let text = format!(
        r#"
        [node]
        cluster_id = "{CLUSTER_ID}"
        name = "{name}"
        region = "{region}"
        listen = "0.0.0.0:{PORT}"
        advertise = "{address}"
        data_dir = "unused"
        bootstrap = {founds}
        seeds = {seeds:?}
        [tls]
        cert_file = {cert:?}
        key_file = {key:?}
        ca_file = {ca:?}
        [keys]
        cluster_key_file = {cluster_key:?}
        "#,
        address = address(name),
        cert = tls.cert_file,
        key = tls.key_file,
        ca = tls.ca_file,
        cluster_key = authority.cluster_key(),
    );
    let mut config = Config::parse(&text).map_err(|error| failed(&error))?;
    config.engine.sync_interval_ms = shape.sync_interval_ms;
    config.engine.checkpoint_interval_ms = shape.checkpoint_interval_ms;
    config.engine.sweep_interval_ms = shape.sweep_interval_ms;
    config.engine.removal_margin_ms = shape.removal_margin_ms;
    config.engine.log_disk_bytes_max = shape.log_disk_bytes_max;
    config.engine.block_bytes_max = shape.block_bytes_max;
    config.engine.cache_bytes_max = shape.cache_bytes_max;
    config.engine.clock_offset_max_ms = shape.clock_offset_ms_max;
    config.membership.partition_count = shape.partition_count;
    config.membership.replicas_per_region = shape.replicas_per_region;
    if let Some(entries) = shape.snapshot_entries {
        config.membership.snapshot_entries = entries;
    }
    if let Some(bytes_max) = shape.transfer_chunk_bytes_max {
        config.replication.transfer_chunk_bytes_max = bytes_max;
    }
    let buffer_bytes_max = shape.buffer_bytes_max;
    config.replication.buffer_bytes_max = buffer_bytes_max;
    config.replication.in_flight_bytes_max = config.replication.in_flight_bytes_max.min(buffer_bytes_max);
    config.replication.batch_bytes_max =
        config.replication.batch_bytes_max.min(config.replication.in_flight_bytes_max);
    config.validate().map_err(|error| failed(&error))?;
    Ok(config)
}
