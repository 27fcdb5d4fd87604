//! What a caller asked to follow, checked.

use std::collections::BTreeMap;

use sojourn_proto::feed::v1 as pb;

use super::cursor::Cursor;
use crate::api::handler::Handler;
use crate::api::ids;
use crate::api::status::{Failure, Reason};
use crate::session::{Key, Partition};

/// Which events are told, and how much of them.
pub(super) struct Filter {
    pub(super) namespace: String,
    /// Empty: all.
    pub(super) principal: String,
    pub(super) key: Option<Key>,
    pub(super) include_values: bool,
    pub(super) final_state: bool,
}

/// What to follow.
pub(super) struct Watch {
    pub(super) filter: Filter,
    /// With the place to go on from; none: from now on.
    pub(super) partitions: BTreeMap<Partition, Option<Cursor>>,
}

/// Checks a request.
pub(super) fn read(request: pb::WatchRequest, handler: &Handler) -> Result<Watch, Failure> {
    ids::check_namespace(&request.namespace)?;
    if !request.principal.is_empty() {
        ids::check_principal(&request.principal)?;
    }
    let target = match request.session_id.as_str() {
        "" => None,
        id => Some(handler.target(&request.namespace, id)?),
    };
    let mut partitions = asked(&request.partitions, handler)?;
    if let Some(target) = target {
        let own = [target.partition, Partition::global(handler.partition_count)];
        partitions = own.map(|partition| (partition, None)).into();
    }
    if let Some(elsewhere) = partitions.keys().find(|partition| !handler.router.is_here(**partition)) {
        return Err(moved(*elsewhere));
    }
    for pb::PartitionCursor { partition, cursor } in &request.cursors {
        let partition = number("cursors", *partition, handler)?;
        let read = Cursor::decode(partition, cursor)?;
        if let Some(place) = partitions.get_mut(&partition) {
            *place = Some(read);
        }
    }
    let pb::WatchRequest { namespace, principal, include_values, final_state, .. } = request;
    let key = target.map(|target| target.key);
    Ok(Watch { filter: Filter { namespace, principal, key, include_values, final_state }, partitions })
}

/// This node does not hold a partition.
pub(super) fn moved(partition: Partition) -> Failure {
    let message = format!("this node does not hold partition {}; ask by the layout", partition.0);
    Failure::new(Reason::PartitionMoved, message).with("partition", partition.0)
}

fn asked(numbers: &[u32], handler: &Handler) -> Result<BTreeMap<Partition, Option<Cursor>>, Failure> {
    if numbers.is_empty() {
        let all = (0..=handler.partition_count).filter_map(|number| u16::try_from(number).ok());
        let held = all.map(Partition).filter(|partition| handler.router.is_here(*partition));
        return Ok(held.map(|partition| (partition, None)).collect());
    }
    let one = |asked: &u32| Ok((number("partitions", *asked, handler)?, None));
    numbers.iter().map(one).collect()
}

fn number(field: &str, number: u32, handler: &Handler) -> Result<Partition, Failure> {
    let known = u16::try_from(number).ok().filter(|_| number <= handler.partition_count);
    known
        .map(Partition)
        .ok_or_else(|| Failure::field(field, &format!("of partitions 0 to {}", handler.partition_count)))
}
