#![allow(clippy::all, unused, missing_docs)]
use sojourn_sim::plan::*;
use sojourn_sim::record::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let from: u64 = args[1].parse().unwrap();
    let to: u64 = args.get(2).map_or(from + 1, |a| a.parse().unwrap());
    let verbose = args.get(3).is_some();
    for seed in from..to {
        let mut plan = draw(seed, Level::Full);
        if let Ok(only) = std::env::var("ONLY") {
            let only: Vec<usize> =
                only.split(',').filter(|s| !s.is_empty()).map(|s| s.parse().unwrap()).collect();
            plan.faults = plan
                .faults
                .iter()
                .enumerate()
                .filter(|(i, _)| only.contains(i))
                .map(|(_, f)| f.clone())
                .collect();
        }
        if let Ok(no) = std::env::var("NOFAULT") {
            plan.faults.retain(|f| !no.split(',').any(|n| f.fault.class().name() == n));
        }
        let started = std::time::Instant::now();
        let outcome = sojourn_sim::run(&plan, true);
        let real = started.elapsed().as_secs_f64();
        match outcome {
            Err(e) => println!("seed {seed}: ERROR {e} after {real:.1}s"),
            Ok(o) => {
                let mut began = 0;
                let mut obs = 0;
                let mut acked = 0;
                let mut refused = 0;
                let mut unknown = 0;
                let mut reads = 0;
                let mut bad = vec![];
                let mut samples = 0;
                let mut probes = 0;
                for (at, h) in &o.timeline {
                    match h {
                        Happening::FaultBegan { .. } => began += 1,
                        Happening::FaultObserved { .. } => obs += 1,
                        Happening::Answered { answer, .. } => match answer {
                            Answer::Acknowledged { .. } | Answer::Partly { .. } => acked += 1,
                            Answer::Read { .. } => reads += 1,
                            Answer::Refused(_) => refused += 1,
                            Answer::Unknown => unknown += 1,
                        },
                        Happening::Impossible { .. } | Happening::FencingFailed { .. } => bad.push((at, h)),
                        Happening::Sampled { .. } => samples += 1,
                        Happening::Probed { .. } => probes += 1,
                        _ => {}
                    }
                    if verbose && !matches!(h, Happening::Sampled { .. } | Happening::Probed { .. }) {
                        println!("{:>9.3} {h:?}", *at as f64 / 1e6);
                    }
                }
                println!(
                    "seed {seed}: {:032x} {} nodes {:.1} sim-s in {real:.2}s = {:.1}x; faults {}/{began}/{obs}; acked {acked} reads {reads} refused {refused} unknown {unknown}; samples {samples} probes {probes}; violation {:?}",
                    o.trace_hash,
                    plan.shape.nodes(),
                    o.simulated_us as f64 / 1e6,
                    o.simulated_us as f64 / 1e6 / real,
                    plan.faults.len(),
                    o.violation.as_ref().map(|v| v.to_string())
                );
                for (at, b) in bad {
                    println!("   {:.3} {b:?}", *at as f64 / 1e6);
                }
            }
        }
    }
}
