use super::*;

const BOUNDS: ClockBounds = ClockBounds { offset_max_ms: 500, wall_ms_min: 0 };
const AGE_MAX: Duration = Duration::from_secs(3);
const TRUE_START_MS: i64 = 1_800_000_000_000;
const HOUR_MS: i64 = 3_600_000;

fn now(now_ms: i64, offset_ms: i64) -> Now {
    let wall_ms = TRUE_START_MS + now_ms + offset_ms;
    Now { monotonic: Duration::from_millis(now_ms.unsigned_abs()), wall_ms: wall_ms.unsigned_abs() }
}

/// A node's watch, its clock, and true time.
struct Node {
    watch: ClockWatch,
    offset_ms: i64,
    now_ms: i64,
}

impl Node {
    /// A node whose clock is so far ahead of true time.
    fn new(offset_ms: i64) -> Self {
        Self::start(BOUNDS, Duration::ZERO, offset_ms)
    }

    fn start(bounds: ClockBounds, waits_until: Duration, offset_ms: i64) -> Self {
        let watch = ClockWatch::new(bounds, AGE_MAX, waits_until, now(0, offset_ms));
        Self { watch, offset_ms, now_ms: 0 }
    }

    fn now(&self) -> Now {
        now(self.now_ms, self.offset_ms)
    }

    fn judge(&mut self) -> ClockVerdict {
        self.watch.judge(self.now(), false);
        self.watch.verdict
    }

    /// Half a second later beats arrive from peers whose clocks are so far ahead of true time.
    fn hear_over(&mut self, peers_ms: &[i64], round_trip_ms: i64) -> ClockVerdict {
        self.now_ms += 500;
        for (peer, peer_ms) in (2..).zip(peers_ms) {
            let sent_ms = (TRUE_START_MS + self.now_ms + peer_ms - round_trip_ms / 2).unsigned_abs();
            let round_trip = Duration::from_millis(round_trip_ms.unsigned_abs());
            self.watch.heard(ReplicaId(peer), sent_ms, round_trip, self.now());
        }
        self.judge()
    }

    fn hear(&mut self, peers_ms: &[i64]) -> ClockVerdict {
        self.hear_over(peers_ms, 2)
    }

    /// Nothing arrives any more, for longer than anything heard is believed.
    fn cut_off(&mut self) -> ClockVerdict {
        self.now_ms += 10_000;
        self.judge()
    }
}

#[test]
fn the_middle_of_all_clocks_is_right() {
    let state = |own: i64, peers: &[i64]| Node::new(own).hear(peers).state;
    assert_eq!(state(0, &[0, 0]), ClockState::Agreed);
    assert_eq!(state(0, &[200, -9 * HOUR_MS]), ClockState::Agreed);
    assert_eq!(state(6 * HOUR_MS, &[0, 0]), ClockState::Off);
    assert_eq!(state(-6 * HOUR_MS, &[0, 0]), ClockState::Off);
    assert_eq!(state(480, &[0, 0, 0]), ClockState::Agreed);
    assert_eq!(state(520, &[0, 0, 0]), ClockState::Off);
    assert_eq!(state(6 * HOUR_MS, &[0, 0, 0, 6 * HOUR_MS]), ClockState::Off, "the majority wins");
}

#[test]
fn the_verdict_says_by_how_much() {
    assert_eq!(Node::new(6 * HOUR_MS).hear(&[0, 0]).offset_ms, 6 * HOUR_MS - 1);
    assert_eq!(Node::new(-3_000).hear(&[0, 0]).offset_ms, -2_999);
}

#[test]
fn without_a_majority_nobody_is_condemned() {
    for own_ms in [0, HOUR_MS] {
        let verdict = Node::new(own_ms).hear(&[HOUR_MS - own_ms]);
        assert_eq!(verdict.state, ClockState::Disputed);
        assert_eq!(verdict.offset_ms.abs(), HOUR_MS - 1);
    }
    assert_eq!(Node::new(0).hear(&[0, HOUR_MS, HOUR_MS]).state, ClockState::Disputed, "two against two");
    assert_eq!(Node::new(0).judge().state, ClockState::Unheard);
}

#[test]
fn the_middle_of_clocks_that_all_differ_is_not_right() {
    let (behind_ms, ahead_ms) = (-2 * 60_000, 19 * 60_000);
    assert_eq!(Node::new(0).hear(&[behind_ms, ahead_ms]).state, ClockState::Disputed);
    let mut starts = Node::start(BOUNDS, Duration::from_secs(4), 0);
    assert_eq!(starts.hear(&[behind_ms, ahead_ms]).state, ClockState::Waiting, "each may be right");
    assert_eq!(starts.hear(&[behind_ms, behind_ms]).state, ClockState::Off);
}

#[test]
fn of_two_nodes_the_one_that_jumps_knows_that_it_did() {
    let (mut jumps, mut stays) = (Node::new(0), Node::new(0));
    assert_eq!(jumps.hear(&[0]).state, ClockState::Agreed);
    assert_eq!(stays.hear(&[0]).state, ClockState::Agreed);
    jumps.offset_ms = HOUR_MS;
    assert_eq!(jumps.hear(&[0]).state, ClockState::Off);
    assert_eq!(stays.hear(&[HOUR_MS]).state, ClockState::Disputed);
    jumps.offset_ms = 0;
    assert_eq!(jumps.hear(&[0]).state, ClockState::Agreed);
}

#[test]
fn a_jump_is_noticed_before_anybody_else_speaks() {
    let mut node = Node::new(0);
    node.hear(&[0, 0]);
    node.offset_ms = -6 * HOUR_MS;
    assert_eq!(node.judge().state, ClockState::Off);
    node.offset_ms = 0;
    assert_eq!(node.judge().state, ClockState::Agreed);
}

#[test]
fn a_node_that_is_cut_off_stays_with_what_is_known() {
    let mut good = Node::new(100);
    good.hear(&[0, 0]);
    assert_eq!(good.cut_off().state, ClockState::Agreed);
    good.offset_ms = HOUR_MS;
    assert_eq!(good.judge().state, ClockState::Off, "its own jump");
    let mut bad = Node::new(HOUR_MS);
    bad.hear(&[0, 0]);
    assert_eq!(bad.cut_off().state, ClockState::Off);
    bad.offset_ms = 0;
    assert_eq!(bad.judge().state, ClockState::Agreed, "an operator has put it right");
}

#[test]
fn the_last_node_of_a_cluster_is_free_of_what_others_said() {
    let mut node = Node::new(HOUR_MS);
    node.hear(&[0, 0]);
    node.watch.retain(|_| false);
    assert_eq!(
        node.watch.judge(node.now(), true),
        Some(ClockVerdict { state: ClockState::Alone, ..ClockVerdict::default() })
    );
}

#[test]
fn silent_peers_do_not_count() {
    let mut node = Node::new(0);
    node.hear(&[HOUR_MS, 0, 0]);
    for _ in 0..6 {
        assert_eq!(node.hear(&[HOUR_MS]).state, ClockState::Agreed, "two heard a moment ago agree");
    }
    assert_eq!(node.hear(&[HOUR_MS]).state, ClockState::Disputed);
}

#[test]
fn at_the_limit_it_does_not_flap() {
    let mut node = Node::new(510);
    assert_eq!(node.hear(&[0, 0]).state, ClockState::Off);
    for offset_ms in [495, 502, 400] {
        node.offset_ms = offset_ms;
        assert_eq!(node.hear(&[0, 0]).state, ClockState::Off, "{offset_ms}");
    }
    for offset_ms in [370, 450, 499] {
        node.offset_ms = offset_ms;
        assert_eq!(node.hear(&[0, 0]).state, ClockState::Agreed, "{offset_ms}");
    }
}

#[test]
fn who_stays_within_the_limit_for_a_while_is_trusted_again() {
    let mut node = Node::new(510);
    node.hear(&[0, 0]);
    node.offset_ms = 450;
    let halves = PROBATION.as_millis() / 500;
    for half in 0..halves {
        assert_eq!(node.hear(&[0, 0]).state, ClockState::Off, "{half}");
    }
    node.hear(&[0, 0]);
    assert_eq!(node.hear(&[0, 0]).state, ClockState::Agreed);
}

#[test]
fn a_long_way_is_no_offset() {
    assert_eq!(Node::new(600).hear_over(&[0, 0], 300).state, ClockState::Agreed);
    assert_eq!(Node::new(700).hear_over(&[0, 0], 300).state, ClockState::Off);
}

#[test]
fn who_has_just_started_waits_for_a_majority_for_a_while() {
    let start = |offset_ms| Node::start(BOUNDS, Duration::from_secs(4), offset_ms);
    assert_eq!(start(0).judge().state, ClockState::Waiting);
    assert_eq!(start(0).hear(&[0]).state, ClockState::Agreed);
    assert_eq!(start(HOUR_MS).hear(&[0]).state, ClockState::Waiting, "which of the two is wrong?");
    assert_eq!(start(HOUR_MS).hear(&[0, 0]).state, ClockState::Off);
    assert_eq!(start(HOUR_MS).cut_off().state, ClockState::Unheard, "nobody is there");
    let mut alone = start(0);
    assert_eq!(alone.watch.judge(alone.now(), true).map(|verdict| verdict.state), Some(ClockState::Alone));
}

#[test]
fn who_is_behind_its_own_disk_waits_until_others_tell_their_clocks() {
    let start = |offset_ms: i64| {
        let bounds = ClockBounds { wall_ms_min: TRUE_START_MS.unsigned_abs(), ..BOUNDS };
        Node::start(bounds, Duration::from_secs(4), offset_ms)
    };
    let mut behind = start(-HOUR_MS);
    assert_eq!(behind.cut_off().state, ClockState::Waiting);
    assert_eq!(behind.hear(&[0]).state, ClockState::Waiting, "which of the two is wrong?");
    assert_eq!(behind.hear(&[-HOUR_MS, -HOUR_MS]).state, ClockState::Agreed, "what the disk names was ahead");
    assert_eq!(start(-HOUR_MS).hear(&[0, 0]).state, ClockState::Off);
    assert_eq!(start(-10_400).cut_off().state, ClockState::Unheard, "it may differ so much");
    let mut alone = start(-HOUR_MS);
    assert_eq!(alone.watch.judge(alone.now(), true).map(|verdict| verdict.state), Some(ClockState::Alone));
}

#[test]
fn who_jumps_before_any_other_clock_was_heard_waits_until_others_tell_theirs() {
    for jump_ms in [HOUR_MS, -HOUR_MS] {
        let mut node = Node::start(BOUNDS, Duration::from_secs(4), 0);
        assert_eq!(node.cut_off().state, ClockState::Unheard);
        node.offset_ms += jump_ms;
        assert_eq!(node.cut_off().state, ClockState::Waiting);
        assert_eq!(
            node.watch.verdict().expected_ms,
            Some(TRUE_START_MS),
            "the next call is checked against it"
        );
        node.offset_ms -= jump_ms;
        assert_eq!(node.cut_off().state, ClockState::Unheard);
        node.offset_ms += jump_ms;
        assert_eq!(node.hear(&[jump_ms, jump_ms]).state, ClockState::Agreed, "it was set right");
    }
}
