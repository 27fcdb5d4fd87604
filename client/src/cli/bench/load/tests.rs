use super::*;

/// Takes this long for each call.
struct Slow(Duration);

impl Target for Slow {
    async fn call(&self, operation: Operation) -> Result<(), String> {
        tokio::time::sleep(self.0).await;
        if operation.kind == Kind::Touch { Err("no touches".into()) } else { Ok(()) }
    }
}

fn load(callers: u32, rate: Option<u32>, mix: Mix) -> Load {
    let keys = Arc::new(Zipf::new(10, 0.99));
    Load { callers, rate, warmup: Duration::from_secs(1), measured: Duration::from_secs(10), mix, keys }
}

async fn no_cpu() -> Option<u64> {
    None
}

#[tokio::test(start_paused = true)]
async fn a_closed_loop_calls_again_after_each_answer() {
    let measured = load(4, None, Mix::READS).run(Slow(Duration::from_millis(10)), no_cpu).await.unwrap();
    assert!((390.0..=410.0).contains(&measured.rate()), "{}", measured.rate());
    assert!((9_900..=11_100).contains(&measured.latency_us.value_at_quantile(0.5)));
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_keeps_its_rate() {
    let measured =
        load(100, Some(200), Mix::READS).run(Slow(Duration::from_millis(10)), no_cpu).await.unwrap();
    assert!((195.0..=205.0).contains(&measured.rate()), "{}", measured.rate());
    assert!(measured.latency_us.max() < 13_000, "{}", measured.latency_us.max());
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_counts_the_wait_for_a_free_caller() {
    // One caller answers 10 a second, 20 a second are due: after 11 s the last
    // call is 5.5 s late.
    let measured = load(1, Some(20), Mix::READS).run(Slow(Duration::from_millis(100)), no_cpu).await.unwrap();
    let worst_ms = measured.latency_us.max() / 1000;
    assert!((5_200..=5_800).contains(&worst_ms), "{worst_ms} ms");
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_apart() {
    let mix = Mix { reads: 1, writes: 0, touches: 1 };
    let measured = load(4, None, mix).run(Slow(Duration::from_millis(10)), no_cpu).await.unwrap();
    assert_eq!(measured.first_error.as_deref(), Some("no touches"));
    assert!(measured.errors > 1_000 && measured.latency_us.len() > 1_000);
}

#[test]
fn the_mix_follows_its_shares() {
    let load = load(1, None, Mix { reads: 8, writes: 1, touches: 1 });
    let mut rng = host::random();
    let reads = (0..10_000).filter(|number| load.operation(&mut rng, *number).kind == Kind::Read).count();
    assert!((7_500..8_500).contains(&reads), "{reads}");
}
