//! Faults by their kinds.

use toml::Spanned;

use super::error::DrillError;
use super::fields::{FaultTable, Fields};
use super::file::File;
use crate::coverage::expressible;
use crate::plan::{Fault, FaultClass, PlannedFault};
use crate::prose::{Names, duration};

/// How long a fault lasts that does not say.
const LASTS_MS_DEFAULT: u64 = 10_000;

/// Reads every fault of a file.
pub(super) fn read_all(text: &str, file: &File) -> Result<Vec<PlannedFault>, DrillError> {
    let names = Names::new(&file.shape());
    file.fault.iter().map(|table| read(text, file, table, &names)).collect()
}

fn read(
    text: &str,
    file: &File,
    table: &Spanned<FaultTable>,
    names: &Names,
) -> Result<PlannedFault, DrillError> {
    let mut fields = Fields::new(text, table, names);
    let kinds = expressible(file.level).map(|class| (kind(class), class)).collect::<Vec<_>>();
    let class = fields.word("kind", kinds.iter().copied())?;
    let at_ms = fields.time_ms("at", "such as \"10s\" after the start")?;
    let lasts_ms = fields.time_ms_or("for", LASTS_MS_DEFAULT)?;
    if at_ms + lasts_ms >= file.lasts.0 {
        let lasts = duration(file.lasts.0);
        return Err(
            fields.error(format!("`at` and `for` together must be less than `lasts`, which is {lasts}"))
        );
    }
    let fault = match class_of_links(class, &mut fields)? {
        Some(fault) => fault,
        None => class_of_nodes(class, &mut fields)?,
    };
    fields.finish()?;
    Ok(PlannedFault { at_ms, lasts_ms, fault })
}

fn class_of_links(class: FaultClass, fields: &mut Fields<'_>) -> Result<Option<Fault>, DrillError> {
    Ok(Some(match class {
        FaultClass::RegionCut => Fault::RegionCut { region: fields.region()?, cut: fields.cut()? },
        FaultClass::Partition => Fault::Partition { left: fields.nodes("left")?, cut: fields.cut()? },
        FaultClass::OneWay => Fault::OneWay { from: fields.node("from")?, to: fields.node("to")? },
        FaultClass::Bridge => Fault::Bridge { node: fields.node("node")?, left: fields.nodes("left")? },
        FaultClass::Clog => Fault::Clog { from: fields.node("from")?, to: fields.node("to")? },
        FaultClass::Loss => Fault::Loss { permille: fields.permille()? },
        FaultClass::Duplicate => Fault::Duplicate { permille: fields.permille()? },
        FaultClass::Reorder => Fault::Reorder { permille: fields.permille()? },
        FaultClass::Delay => Fault::Delay { extra_ms: fields.time_ms("by", "such as \"200ms\"")? },
        FaultClass::Reset => Fault::Reset { a: fields.node("from")?, b: fields.node("to")? },
        FaultClass::RegionPowerLoss => Fault::RegionPowerLoss { region: fields.region()? },
        FaultClass::RegionLost => Fault::RegionLost { region: fields.region()? },
        FaultClass::AddNode => Fault::AddNode { region: fields.region()? },
        FaultClass::Overload => Fault::Overload { region: fields.region()? },
        FaultClass::RollingRestart => Fault::RollingRestart,
        _ => return Ok(None),
    }))
}

fn class_of_nodes(class: FaultClass, fields: &mut Fields<'_>) -> Result<Fault, DrillError> {
    let node = fields.node("node")?;
    Ok(match class {
        FaultClass::PowerLoss => Fault::PowerLoss { node, torn: fields.flag("torn")? },
        FaultClass::LongOutage => Fault::LongOutage { node },
        FaultClass::ClockDrift => Fault::ClockDrift { node, ppm: fields.ppm()? },
        FaultClass::ClockStep => Fault::ClockStep { node, by_ms: fields.signed_ms("by")? },
        FaultClass::BootClockBack => {
            Fault::BootClockBack { node, by_ms: fields.time_ms("by", "such as \"6h\"")? }
        }
        FaultClass::FailedSync => Fault::FailedSync { node },
        FaultClass::DiskFull => Fault::DiskFull { node },
        FaultClass::DiskError => Fault::DiskError { node },
        FaultClass::SlowDisk => Fault::SlowDisk { node, by_ms: fields.time_ms("by", "such as \"50ms\"")? },
        FaultClass::BitFlip => Fault::BitFlip { node },
        FaultClass::RemoveNode => Fault::RemoveNode { node },
        FaultClass::RemovedNodeReturns => Fault::RemovedNodeReturns { node },
        FaultClass::WipedNode => Fault::WipedNode { node },
        FaultClass::ClonedDisk => Fault::ClonedDisk { node },
        FaultClass::BackupRestored => Fault::BackupRestored { node },
        FaultClass::Poison => Fault::Poison { node },
        _ => Fault::Pause { node },
    })
}

/// The name of a class in a file.
pub(super) fn kind(class: FaultClass) -> &'static str {
    match class {
        FaultClass::RegionCut => "region_cut",
        FaultClass::Partition => "partition",
        FaultClass::OneWay => "one_way",
        FaultClass::Bridge => "bridge",
        FaultClass::Clog => "clog",
        FaultClass::Loss => "loss",
        FaultClass::Duplicate => "duplicate",
        FaultClass::Reorder => "reorder",
        FaultClass::Delay => "delay",
        FaultClass::Reset => "reset",
        FaultClass::PowerLoss => "power_loss",
        FaultClass::RegionPowerLoss => "region_power_loss",
        FaultClass::Pause => "pause",
        FaultClass::LongOutage => "long_outage",
        FaultClass::RegionLost => "region_lost",
        FaultClass::ClockDrift => "clock_drift",
        FaultClass::ClockStep => "clock_step",
        FaultClass::BootClockBack => "boot_clock_back",
        FaultClass::FailedSync => "failed_sync",
        FaultClass::DiskFull => "disk_full",
        FaultClass::DiskError => "disk_error",
        FaultClass::SlowDisk => "slow_disk",
        FaultClass::BitFlip => "bit_flip",
        FaultClass::AddNode => "add_node",
        FaultClass::RemoveNode => "remove_node",
        FaultClass::RemovedNodeReturns => "removed_node_returns",
        FaultClass::WipedNode => "wiped_node",
        FaultClass::ClonedDisk => "cloned_disk",
        FaultClass::BackupRestored => "backup_restored",
        FaultClass::Poison => "poison",
        FaultClass::RollingRestart => "rolling_restart",
        FaultClass::Overload => "overload",
    }
}
