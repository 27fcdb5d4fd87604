//! Any commands on two engines, delivered in any order, end in equal states.

use proptest::prelude::*;

use super::*;

fn command() -> impl Strategy<Value = (u8, Command)> {
    let command = prop_oneof![
        Just(create()),
        "[ab]".prop_map(|name| set(&name, "value")),
        (-3i64..4).prop_map(count),
        Just(Command::Touch),
        Just(Command::Revoke { reason: "end".into() }),
    ];
    (prop::sample::select(vec![1u8, 2, 3, 200]), command)
}

fn block_on<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(task)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn engines_converge_whatever_the_order(
        commands in prop::collection::vec((any::<bool>(), command()), 1..40),
        order in any::<prop::sample::Index>(),
        checkpoint_at in 0usize..40,
    ) {
        block_on(async {
            let nodes = [Node::new(1), Node::new(2)];
            let engines = [nodes[0].open(), nodes[1].open()];
            for (at, (first, (number, command))) in commands.into_iter().enumerate() {
                let engine = &engines[usize::from(first)];
                let _ = run(engine, number, command).await;
                if at == checkpoint_at {
                    engine.core.checkpoint().await.unwrap();
                }
                for partition in [Partition(0), Partition(1)] {
                    assert_eq!(recomputed(engine, partition).await, engine.digest(partition));
                }
            }
            let sent = [all_entries(&engines[0]).await, all_entries(&engines[1]).await];
            for (engine, mut entries) in [(&engines[1], sent[0].clone()), (&engines[0], sent[1].clone())] {
                let turn = if entries.is_empty() { 0 } else { order.index(entries.len()) };
                entries.rotate_left(turn);
                entries.reverse();
                let twice = [entries.clone(), entries].concat();
                engine.apply(twice).await.unwrap();
            }
            for partition in [Partition(0), Partition(1)] {
                assert_eq!(engines[0].digest(partition), engines[1].digest(partition));
                assert_eq!(engines[0].vector(partition), engines[1].vector(partition));
                assert_eq!(recomputed(&engines[0], partition).await, engines[0].digest(partition));
            }
        });
    }
}
