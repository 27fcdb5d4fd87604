//! Following the log, and what ended sessions leave behind.

use super::*;
use crate::feed::{Offer, Progress};

const ALL: usize = usize::MAX;

/// Everything that a reader finds by vector; what cannot be told is counted.
async fn read_beyond(engine: &Engine, partition: Partition, progress: &mut Progress) -> (Vec<Dot>, usize) {
    let (mut told, mut lost) = (Vec::new(), 0);
    loop {
        let beyond = engine.entries_beyond(partition, progress.vector()).await;
        if beyond.is_empty() {
            return (told, lost);
        }
        for (origin, last) in beyond.vacant {
            progress.pass_over(origin, last);
        }
        for (origin, last) in beyond.lost {
            progress.lose(origin, last);
            lost += 1;
        }
        for entry in beyond.entries {
            assert!(progress.reach(entry.dot()), "{:?} is told twice", entry.dot());
            told.push(entry.dot());
        }
    }
}

#[tokio::test]
async fn what_enters_is_followed_in_its_order_whoever_wrote_it() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    let place = to.log_end();
    run(&from, 1, create()).await.unwrap();
    run(&to, 2, create()).await.unwrap();
    to.apply(all_entries(&from).await).await.unwrap();
    run(&to, 2, set("a", "b")).await.unwrap();
    let (entries, end) = to.log_after(place, ALL).unwrap();
    let writers: Vec<u16> = entries.iter().map(|entry| entry.origin.replica.0).collect();
    assert_eq!((writers, end), (vec![2, 1, 2], to.log_end()));
    let (first, then) = to.log_after(place, 1).unwrap();
    let (rest, end) = to.log_after(then, ALL).unwrap();
    assert_eq!([first, rest].concat(), entries);
    assert_eq!(to.log_after(end, ALL).unwrap().0, []);
    let grown = to.log_grown(end, to.jumps());
    let (grown, written) =
        tokio::join!(tokio::time::timeout(Duration::from_secs(30), grown), run(&to, 2, set("c", "d")));
    assert!(grown.is_ok() && written.is_ok());
}

#[tokio::test]
async fn a_reader_goes_on_by_vector_over_a_restart() {
    let node = Node::new(1);
    let engine = node.open();
    for number in 0..40 {
        run(&engine, number % 4, if number < 4 { create() } else { set("a", &number.to_string()) })
            .await
            .unwrap();
    }
    let mut progress = Progress::default();
    let first = engine.entries_beyond(Partition(0), progress.vector()).await.entries;
    assert!(first.len() < 40, "the log has several blocks");
    first.iter().for_each(|entry| assert!(progress.reach(entry.dot())));
    engine.synced().await.unwrap();
    let engine = node.crash(engine);
    run(&engine, 1, set("a", "after")).await.unwrap();
    let (told, lost) = read_beyond(&engine, Partition(0), &mut progress).await;
    assert_eq!((first.len() + told.len(), lost), (41, 0));
    assert_eq!(progress.vector(), &engine.held(Partition(0)));
}

#[tokio::test]
async fn what_the_log_no_longer_holds_is_said_to_be_lost_and_the_rest_is_told() {
    let mut node = Node::new(1);
    (node.config.log_memory_bytes_max, node.config.log_disk_bytes_max) = (0, 4_096);
    let engine = node.open();
    let place = engine.log_end();
    run(&engine, 1, create()).await.unwrap();
    for number in 0..200 {
        run(&engine, 1, set("a", &number.to_string())).await.unwrap();
    }
    engine.core.checkpoint().await.unwrap();
    assert_eq!(engine.log_after(place, ALL), None);
    let mut progress = Progress::default();
    let (told, lost) = read_beyond(&engine, Partition(0), &mut progress).await;
    assert_eq!(lost, 1);
    assert!(!told.is_empty() && told.len() < 201);
    assert!(told.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1) && told.last().unwrap().seq == 201);
}

#[tokio::test]
async fn entries_that_came_early_wait_for_those_before_them() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    run(&from, 1, create()).await.unwrap();
    for value in ["b", "c", "d"] {
        run(&from, 1, set("a", value)).await.unwrap();
    }
    let mut entries = all_entries(&from).await;
    let mut progress = Progress::after(to.held(Partition(0)));
    let hole = entries.remove(1);
    to.apply(entries).await.unwrap();
    let (told, _) = read_beyond(&to, Partition(0), &mut progress).await;
    assert_eq!(told.len(), 1);
    to.apply(vec![hole]).await.unwrap();
    let (told, _) = read_beyond(&to, Partition(0), &mut progress).await;
    assert_eq!(told.iter().map(|dot| dot.seq).collect::<Vec<_>>(), [2, 3, 4]);
}

#[tokio::test]
async fn a_refused_entry_holds_nobody_up_and_its_sound_copy_is_told() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    run(&from, 1, create()).await.unwrap();
    run(&from, 1, set("a", "b")).await.unwrap();
    run(&from, 1, set("a", "c")).await.unwrap();
    let entries = all_entries(&from).await;
    let jumps = to.jumps();
    let poison = LogEntry { fragment: entries[1].fragment.slice(..3), ..entries[1].clone() };
    to.apply(vec![entries[0].clone(), poison, entries[2].clone()]).await.unwrap();
    assert!(to.jumps() > jumps);
    let mut progress = Progress::default();
    let (told, lost) = read_beyond(&to, Partition(0), &mut progress).await;
    assert_eq!((told.iter().map(|dot| dot.seq).collect::<Vec<_>>(), lost), (vec![1, 3], 0));
    let place = to.log_end();
    to.apply(vec![entries[1].clone()]).await.unwrap();
    let sound = to.log_after(place, ALL).unwrap().0;
    assert_eq!(sound.len(), 1);
    assert_eq!((progress.offer(sound[0].dot()), progress.offer(sound[0].dot())), (Offer::Next, Offer::Known));
}

#[tokio::test]
async fn what_came_by_transfer_is_lost_to_the_feed_and_it_goes_on() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    run(&from, 1, create()).await.unwrap();
    let full = from.read(key(1)).await.unwrap().unwrap();
    let mut progress = Progress::after(to.held(Partition(0)));
    let jumps = to.jumps();
    to.merge_states(Partition(0), vec![(key(1), full.state)], all_of(full.vector)).await.unwrap();
    assert!(to.jumps() > jumps);
    assert_eq!(read_beyond(&to, Partition(0), &mut progress).await, (vec![], 1));
    run(&from, 1, set("a", "b")).await.unwrap();
    to.apply(all_entries(&from).await).await.unwrap();
    let (told, lost) = read_beyond(&to, Partition(0), &mut progress).await;
    assert_eq!((told.len(), lost), (1, 0));
}

#[tokio::test]
async fn the_last_state_of_a_session_is_remembered() {
    let (one, two) = (Node::new(1), Node::new(2));
    let (from, to) = (one.open(), two.open());
    for number in [1, 2] {
        run(&from, number, create()).await.unwrap();
    }
    let kept = run(&from, 1, set("a", "b")).await.unwrap().state;
    to.apply(all_entries(&from).await).await.unwrap();
    assert_eq!(to.final_state(&key(1)), None);
    run(&from, 1, Command::Revoke { reason: "logout".into() }).await.unwrap();
    assert_eq!(from.final_state(&key(1)), Some(kept.clone()));
    // As a read repair brings it, and then its entry.
    let ended = from.read(key(1)).await.unwrap().unwrap().state;
    to.merge_states(Partition(0), vec![(key(1), ended)], unknown()).await.unwrap();
    assert_eq!(to.final_state(&key(1)), Some(kept.clone()));
    to.apply(all_entries(&from).await).await.unwrap();
    assert_eq!(to.final_state(&key(1)), Some(kept));
    to.set_clock(ClockVerdict { state: ClockState::Alone, ..ClockVerdict::default() });
    two.clock.0.fetch_add(3_600_000 + 60_501, Ordering::Relaxed);
    to.core.sweep(Partition(0)).await.unwrap();
    assert_eq!(to.removed(Partition(0)), [(key(2), START_MS + 1_800_000)]);
    assert!(to.removed_unknown_ms() < START_MS);
}
