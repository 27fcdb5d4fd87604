use proptest::prelude::*;

use super::*;

fn record_key() -> impl Strategy<Value = RecordKey> {
    // Few different bytes, so that keys often share a beginning.
    let byte = prop_oneof![Just(0_u8), Just(1), Just(0xff), any::<u8>()];
    let partition = prop_oneof![Just(0), Just(1), Just(255), Just(256), Just(u16::MAX)];
    (partition, proptest::array::uniform16(byte))
        .prop_map(|(partition, key)| RecordKey { partition: Partition(partition), key: Key(key) })
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(255), Just(256), Just(u64::MAX), any::<u64>()]
}

fn raft_key() -> impl Strategy<Value = RaftKey> {
    prop_oneof![
        Just(RaftKey::Vote),
        Just(RaftKey::Committed),
        Just(RaftKey::LastPurged),
        Just(RaftKey::StateMachine),
        Just(RaftKey::Snapshot),
        number().prop_map(RaftKey::Log),
    ]
}

fn meta_key() -> impl Strategy<Value = MetaKey> {
    (1..=8_u8).prop_map(|byte| MetaKey::decode(&[byte]).unwrap())
}

/// Comes back as it was, and sorts in bytes as it sorts in meaning.
fn check<K: StoreKey + Ord + std::fmt::Debug>(a: &K, b: &K) {
    assert_eq!(&K::decode(&a.encode()).unwrap(), a);
    assert_eq!(a.encode().cmp(&b.encode()), a.cmp(b));
}

fn within(range: &KeyRange, key: &[u8]) -> bool {
    range.from.as_slice() <= key && key < range.to.as_slice()
}

proptest! {
    #[test]
    fn keys_keep_content_and_order(
        records in (record_key(), record_key()),
        numbers in (number(), number()),
        raft in (raft_key(), raft_key()),
        meta in (meta_key(), meta_key()),
        partitions in (any::<u16>(), any::<u16>()),
    ) {
        check(&records.0, &records.1);
        check(&BlockKey(numbers.0), &BlockKey(numbers.1));
        check(&raft.0, &raft.1);
        check(&meta.0, &meta.1);
        check(&PartitionKey(Partition(partitions.0)), &PartitionKey(Partition(partitions.1)));
    }

    #[test]
    fn ranges_hold_exactly_what_they_name(a in record_key(), b in record_key(), x in number(), y in number()) {
        let key = a.encode();
        prop_assert_eq!(within(&RecordKey::range(b.partition, None), &key), a.partition == b.partition);
        let after = a.partition == b.partition && a.key > b.key;
        prop_assert_eq!(within(&RecordKey::range(b.partition, Some(b.key)), &key), after);
        prop_assert!(within(&PartitionKey::range(), &PartitionKey(a.partition).encode()));
        prop_assert_eq!(within(&BlockKey::range(x, u64::MAX), &BlockKey(y).encode()), x <= y && y < u64::MAX);
        prop_assert!(BlockKey(x).encode() < BlockKey::end());
        prop_assert_eq!(within(&RaftKey::log_range(x, u64::MAX), &RaftKey::Log(y).encode()), x <= y && y < u64::MAX);
        prop_assert!(RaftKey::Log(x).encode() < RaftKey::log_end());
        prop_assert!(RaftKey::Snapshot.encode() < RaftKey::Log(0).encode());
    }

    #[test]
    fn values_keep_their_content(
        number in any::<u64>(), text in ".{0,20}", bytes in any::<[u8; 16]>(),
        salts in proptest::collection::vec(any::<[u8; 16]>(), 0..4), payload in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        fn same<V: MetaValue + PartialEq + std::fmt::Debug>(value: &V) {
            assert_eq!(&V::decode(&value.encode()).unwrap(), value);
        }
        same(&FormatVersion(number as u32));
        same(&StoreId(bytes));
        same(&Incarnation(number as u32));
        same(&LatestStart(number));
        same(&ClusterId(text.clone()));
        same(&ReplicaId(number as u16));
        same(&NodeName(text));
        same(&SealSalts(salts));
        prop_assert_eq!(unframe("here", &frame(&payload)).map(<[u8]>::to_vec).unwrap(), payload);
    }

    #[test]
    fn foreign_bytes_are_refused_not_misread(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
        prop_assert!(MetaKey::decode(&bytes).is_err() || bytes.len() == 1);
        prop_assert_eq!(BlockKey::decode(&bytes).is_ok(), bytes.len() == 8);
        prop_assert_eq!(RecordKey::decode(&bytes).is_ok(), bytes.len() == 18);
        prop_assert_eq!(PartitionKey::decode(&bytes).is_ok(), bytes.len() == 2);
        prop_assert!(RaftKey::decode(&bytes).is_err() || bytes.len() == 1 || bytes.len() == 9);
        if bytes.first() != Some(&VALUE_VERSION) {
            prop_assert!(Incarnation::decode(&bytes).is_err() && SealSalts::decode(&bytes).is_err());
            prop_assert!(unframe("here", &bytes).is_err());
        }
        let mut framed = frame(&bytes);
        prop_assert_eq!(Incarnation::decode(&framed).is_ok(), bytes.len() == 4);
        prop_assert_eq!(SealSalts::decode(&framed).is_ok(), bytes.len() % 16 == 0);
        framed[0] = 2;
        prop_assert!(unframe("here", &framed).unwrap_err().to_string().contains("version 2"));
    }
}
