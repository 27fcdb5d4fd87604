//! Between the core's messages and frames.

use bytes::Bytes;
use sojourn_proto::replication::v1 as pb;
use sojourn_proto::replication::v1::frame::Kind;

use crate::engine::Gap;
use crate::replication::core::{Applied, Beat, Hashes, Message, PartitionDigests};
use crate::replication::vectors;
use crate::session::{Origin, Partition, ReplicaId};

/// A frame that is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the frame is malformed or of an unknown kind")]
pub(super) struct FrameError;

/// What a frame carries after the first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inbound {
    Batch(Bytes),
    Message(Message),
}

pub(super) fn frame(kind: Kind) -> pb::Frame {
    pb::Frame { kind: Some(kind) }
}

pub(super) fn encode(message: Message) -> pb::Frame {
    frame(match message {
        Message::BatchAck { entries } => Kind::BatchAck(pb::BatchAck { entries }),
        Message::Applied(Applied { incarnation, dots }) => {
            let pair = |(partition, seq): (Partition, u64)| [partition.0.into(), seq];
            Kind::Applied(pb::Applied { incarnation, dots: dots.into_iter().flat_map(pair).collect() })
        }
        Message::Hashes(Hashes { vectors, digests, differed }) => {
            Kind::Hashes(pb::Hashes { vectors: hash_bytes(vectors), digests: hash_bytes(digests), differed })
        }
        Message::Digests(digests) => Kind::Digests(pb::Digests { digests: encode_digests(&digests) }),
        Message::Vectors { vectors, reply_wanted } => {
            Kind::Vectors(pb::Vectors { partitions: vectors::encode(&vectors).into(), reply_wanted })
        }
        Message::LogTruncated(partitions) => {
            let partitions = partitions.into_iter().map(|partition| partition.0.into()).collect();
            Kind::LogTruncated(pb::LogTruncated { partitions })
        }
        Message::LayoutVersion(version) => Kind::LayoutVersion(pb::LayoutVersion { version }),
        Message::SyncRequest { layout_version, partitions } => {
            let partitions = partitions.into_iter().map(|partition| partition.0.into()).collect();
            Kind::SyncRequest(pb::SyncRequest { layout_version, partitions })
        }
        Message::SyncPoint { layout_version, vectors } => {
            let partitions = vectors::encode(&vectors).into();
            Kind::SyncPoint(pb::SyncPoint { layout_version, partitions })
        }
        Message::GapsAsked(gaps) => Kind::GapsAsked(pb::GapsAsked { gaps: encode_gaps(gaps) }),
        Message::GapsShared(gaps) => Kind::GapsShared(pb::GapsShared { gaps: encode_gaps(gaps) }),
        Message::Seen(seen) => Kind::Seen(pb::Seen { partitions: vectors::encode(&seen).into() }),
        Message::Heartbeat(Beat { sent_us, echo_us, held_us, wall_ms }) => {
            Kind::Heartbeat(pb::Heartbeat { sent_us, echo_us, held_us, wall_ms })
        }
    })
}

pub(super) fn decode(frame: pb::Frame) -> Result<Inbound, FrameError> {
    let message = match frame.kind.ok_or(FrameError)? {
        Kind::Hello(_) => return Err(FrameError),
        Kind::Batch(bytes) => return Ok(Inbound::Batch(bytes)),
        Kind::BatchAck(pb::BatchAck { entries }) => Message::BatchAck { entries },
        Kind::Applied(pb::Applied { incarnation, dots }) => {
            let pairs = dots.as_chunks::<2>().0.iter();
            let dots = pairs.map(|[number, seq]| Ok((partition(*number)?, *seq)));
            Message::Applied(Applied { incarnation, dots: dots.collect::<Result<_, FrameError>>()? })
        }
        Kind::Hashes(pb::Hashes { vectors, digests, differed }) => {
            Message::Hashes(Hashes { vectors: hash(&vectors)?, digests: hash(&digests)?, differed })
        }
        Kind::Digests(pb::Digests { digests }) => Message::Digests(decode_digests(&digests)?),
        Kind::Vectors(pb::Vectors { partitions, reply_wanted }) => {
            let vectors = vectors::decode(partitions).map_err(|_| FrameError)?;
            Message::Vectors { vectors, reply_wanted }
        }
        Kind::LogTruncated(pb::LogTruncated { partitions }) => {
            Message::LogTruncated(all_partitions(partitions)?)
        }
        Kind::LayoutVersion(pb::LayoutVersion { version }) => Message::LayoutVersion(version),
        Kind::SyncRequest(pb::SyncRequest { layout_version, partitions }) => {
            Message::SyncRequest { layout_version, partitions: all_partitions(partitions)? }
        }
        Kind::SyncPoint(pb::SyncPoint { layout_version, partitions }) => {
            let vectors = vectors::decode(partitions).map_err(|_| FrameError)?;
            Message::SyncPoint { layout_version, vectors }
        }
        Kind::GapsAsked(pb::GapsAsked { gaps }) => Message::GapsAsked(decode_gaps(gaps)?),
        Kind::GapsShared(pb::GapsShared { gaps }) => Message::GapsShared(decode_gaps(gaps)?),
        Kind::Seen(pb::Seen { partitions }) => {
            Message::Seen(vectors::decode(partitions).map_err(|_| FrameError)?)
        }
        Kind::Heartbeat(pb::Heartbeat { sent_us, echo_us, held_us, wall_ms }) => {
            Message::Heartbeat(Beat { sent_us, echo_us, held_us, wall_ms })
        }
    };
    Ok(Inbound::Message(message))
}

fn hash_bytes(hash: u128) -> Bytes {
    hash.to_be_bytes().to_vec().into()
}

fn hash(bytes: &[u8]) -> Result<u128, FrameError> {
    bytes.try_into().map(u128::from_be_bytes).map_err(|_| FrameError)
}

fn encode_digests(digests: &PartitionDigests) -> Vec<pb::Digest> {
    let encode = |(partition, digest): (&Partition, &u128)| pb::Digest {
        partition: partition.0.into(),
        digest: hash_bytes(*digest),
    };
    digests.iter().map(encode).collect()
}

fn decode_digests(digests: &[pb::Digest]) -> Result<PartitionDigests, FrameError> {
    let decode = |told: &pb::Digest| Ok((partition(told.partition.into())?, hash(&told.digest)?));
    digests.iter().map(decode).collect()
}

fn encode_gaps(gaps: Vec<Gap>) -> Vec<pb::Gap> {
    let encode = |Gap { partition, origin, first, last }| pb::Gap {
        partition: u32::from(partition.0),
        replica_id: u32::from(origin.replica.0),
        incarnation: origin.incarnation,
        first,
        last,
    };
    gaps.into_iter().map(encode).collect()
}

fn decode_gaps(gaps: Vec<pb::Gap>) -> Result<Vec<Gap>, FrameError> {
    let decode = |pb::Gap { partition: number, replica_id, incarnation, first, last }| {
        let replica = u16::try_from(replica_id).map(ReplicaId).map_err(|_| FrameError)?;
        let origin = Origin { replica, incarnation };
        let gap = Gap { partition: partition(number.into())?, origin, first, last };
        if 0 < first && first <= last { Ok(gap) } else { Err(FrameError) }
    };
    gaps.into_iter().map(decode).collect()
}

fn all_partitions(numbers: Vec<u32>) -> Result<Vec<Partition>, FrameError> {
    numbers.into_iter().map(|number| partition(number.into())).collect()
}

fn partition(number: u64) -> Result<Partition, FrameError> {
    u16::try_from(number).map(Partition).map_err(|_| FrameError)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::replication::vectors::PartitionVectors;
    use crate::session::VersionVector;

    #[test]
    fn messages_round_trip() {
        let origin = Origin { replica: ReplicaId(3), incarnation: 4 };
        let vector: VersionVector = crdts::Dot::new(origin, 77).into();
        let vectors: PartitionVectors =
            [(Partition(5), vector), (Partition(6), VersionVector::default())].into();
        let messages = [
            Message::BatchAck { entries: 12 },
            Message::Applied(Applied { incarnation: 2, dots: vec![(Partition(1), 9), (Partition(2), 8)] }),
            Message::Hashes(Hashes { vectors: u128::MAX - 5, digests: 1, differed: true }),
            Message::Digests([(Partition(5), 7), (Partition(6), u128::MAX)].into()),
            Message::Vectors { vectors: vectors.clone(), reply_wanted: true },
            Message::LayoutVersion(9),
            Message::SyncRequest { layout_version: 9, partitions: vec![Partition(3)] },
            Message::SyncPoint { layout_version: 9, vectors: vectors.clone() },
            Message::Seen(vectors),
            Message::LogTruncated(vec![Partition(65_535)]),
            Message::GapsAsked(vec![Gap { partition: Partition(5), origin, first: 1, last: 7 }]),
            Message::GapsShared(Vec::new()),
            Message::Heartbeat(Beat { sent_us: 1, echo_us: 2, held_us: 3, wall_ms: 4 }),
        ];
        for message in messages {
            assert_eq!(decode(encode(message.clone())), Ok(Inbound::Message(message)));
        }
    }

    #[test]
    fn frames_that_make_no_sense_are_refused() {
        let hashes = pb::Hashes { vectors: vec![1; 15].into(), digests: vec![1; 16].into(), differed: false };
        assert_eq!(decode(frame(Kind::Hashes(hashes))), Err(FrameError));
        let digests = vec![pb::Digest { partition: 65_536, digest: vec![1; 16].into() }];
        assert_eq!(decode(frame(Kind::Digests(pb::Digests { digests }))), Err(FrameError));
        let partitions = vec![65_536];
        assert_eq!(decode(frame(Kind::LogTruncated(pb::LogTruncated { partitions }))), Err(FrameError));
        assert_eq!(decode(pb::Frame { kind: None }), Err(FrameError));
        for (first, last) in [(0, 1), (2, 1)] {
            let gaps = vec![pb::Gap { first, last, ..pb::Gap::default() }];
            assert_eq!(decode(frame(Kind::GapsAsked(pb::GapsAsked { gaps }))), Err(FrameError));
        }
    }

    #[test]
    fn a_frame_adds_two_bytes_to_a_short_batch() {
        assert_eq!(frame(Kind::Batch(vec![0; 51].into())).encoded_len(), 53);
    }
}
