//! Many seeds over several threads.

mod progress;
mod summary;
mod tally;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

pub(crate) use self::progress::Progress;
pub(crate) use self::tally::Tally;

/// How often somebody who waits is told how far it is.
const TICK: Duration = Duration::from_millis(200);

/// What the calling thread is told.
pub(crate) enum Event<T> {
    /// A number's work is done.
    Done(u64, T),
    /// Nothing has been done for a moment.
    Tick,
}

/// Does the work of each number of a range, on so many threads, and tells the
/// calling thread, in the order in which they are done. Ends early once `told` says false.
pub(crate) fn for_each<T: Send>(
    range: Range<u64>,
    jobs: usize,
    work: impl Fn(u64) -> T + Sync,
    mut told: impl FnMut(Event<T>) -> bool,
) {
    let (next, stop) = (AtomicU64::new(range.start), AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, work, next, stop) = (sender.clone(), &work, &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= range.end || sender.send((number, work(number))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        loop {
            let event = match receiver.recv_timeout(TICK) {
                Ok((number, result)) => Event::Done(number, result),
                Err(mpsc::RecvTimeoutError::Timeout) => Event::Tick,
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            };
            if !told(event) {
                stop.store(true, Ordering::Relaxed);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_done_once() {
        let mut done = Vec::new();
        for_each(
            10..110,
            3,
            |number| number * 2,
            |event| {
                if let Event::Done(number, twice) = event {
                    assert_eq!(twice, number * 2);
                    done.push(number);
                }
                true
            },
        );
        done.sort_unstable();
        assert_eq!(done, (10..110).collect::<Vec<_>>());
    }

    #[test]
    fn it_ends_early() {
        let mut done = 0;
        for_each(
            0..u64::MAX,
            2,
            |number| number,
            |_| {
                done += 1;
                false
            },
        );
        assert!(done < 1_000_000);
    }
}
