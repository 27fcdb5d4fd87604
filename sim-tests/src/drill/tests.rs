use super::*;
use crate::RunError;
use crate::plan::{Fault, FaultClass};
use crate::prose::Names;
use crate::record::{Answer, Counts, Happening, IdName, Outcome, Phase, Violation};

const EXAMPLE: &str = include_str!("../../drills/region-outage.toml");

const REGIONS: &str = "[[region]]\nname = \"eu\"\nnodes = 2\n[[region]]\nname = \"us\"\nnodes = 1\n";

fn error(rest: &str) -> String {
    Drill::parse(&format!("{REGIONS}{rest}")).unwrap_err().to_string()
}

#[test]
fn the_example_is_a_drill() {
    let drill = Drill::parse(EXAMPLE).unwrap();
    let plan = drill.plan(1);
    assert_eq!(drill.level(), Level::Full);
    assert!(plan.classes().any(|class| class == FaultClass::RegionCut));
    assert!(plan.operations.len() > 50);
    assert_eq!(plan, drill.plan(1));
    assert_ne!(plan.operations, drill.plan(2).operations);
}

#[test]
fn what_is_left_out_has_a_default() {
    let drill = Drill::parse(REGIONS).unwrap();
    let plan = drill.plan(0);
    assert_eq!((plan.chaos_ms, plan.shape.nodes(), plan.faults.len()), (60_000, 3, 0));
}

#[test]
fn every_kind_can_be_written() {
    for class in FaultClass::ALL {
        let kind = fault::kind(*class);
        let fields = match class {
            FaultClass::RegionCut
            | FaultClass::RegionPowerLoss
            | FaultClass::RegionLost
            | FaultClass::AddNode
            | FaultClass::Overload => "region = \"us\"",
            FaultClass::Partition => "left = [\"eu-1\"]",
            FaultClass::Bridge => "node = \"eu-1\"\nleft = [\"eu-2\"]",
            FaultClass::OneWay | FaultClass::Clog | FaultClass::Reset => "from = \"eu-1\"\nto = \"us-1\"",
            FaultClass::Loss | FaultClass::Duplicate | FaultClass::Reorder => "percent = 2.5",
            FaultClass::Delay => "by = \"100ms\"",
            FaultClass::RollingRestart => "",
            FaultClass::ClockDrift => "node = \"us-1\"\nppm = -200",
            FaultClass::ClockStep => "node = \"us-1\"\nby = \"-6h\"",
            FaultClass::BootClockBack | FaultClass::SlowDisk => "node = \"us-1\"\nby = \"20ms\"",
            _ => "node = \"eu-2\"",
        };
        let text = format!(
            "level = \"core\"\n{REGIONS}[[fault]]\nat = \"5s\"\nfor = \"3s\"\nkind = \"{kind}\"\n{fields}\n"
        );
        let drill = Drill::parse(&text).unwrap_or_else(|error| panic!("{kind}: {error}"));
        let plan = drill.plan(0);
        assert_eq!(plan.classes().collect::<Vec<_>>(), [*class]);
        assert_eq!(serde_json::to_value(class).unwrap(), kind, "one name in plans and in drills");
        if let Fault::ClockStep { by_ms, .. } = plan.faults[0].fault {
            assert_eq!(by_ms, -6 * 3_600_000);
        }
    }
}

#[test]
fn errors_say_where_what_and_what_is_allowed() {
    let said = error("[[fault]]\nat = \"1s\"\nkind = \"region_cutt\"\nregion = \"eu\"");
    assert!(
        said.starts_with("line 9: ") && said.contains("did you mean region_cut") && said.contains("overload"),
        "{said}"
    );
    let said = error("[[fault]]\nat = \"1s\"\nkind = \"region_cut\"\nregion = \"mars\"");
    assert!(said.starts_with("line 10: ") && said.contains("\"mars\"") && said.contains("eu, us"), "{said}");
    let said = error("[[fault]]\nat = \"1s\"\nkind = \"pause\"\nnode = \"eu-3\"");
    assert!(said.contains("line 10") && said.contains("eu-1, eu-2, us-1"), "{said}");
    let said = error("[[fault]]\nat = \"1s\"\nkind = \"pause\"\nnode = \"eu-1\"\nregion = \"eu\"");
    assert!(
        said.contains("line 11") && said.contains("no `region`") && said.contains("kind, at, for, node"),
        "{said}"
    );
    let said = error("[[fault]]\nat = \"1s\"\nkind = \"pause\"");
    assert!(said.contains("line 7") && said.contains("needs `node`"), "{said}");
    let said = error("[[fault]]\nat = \"soon\"\nkind = \"pause\"\nnode = \"eu-1\"");
    assert!(said.contains("line 8") && said.contains("40ms"), "{said}");
    let said = error("[[fault]]\nat = \"55s\"\nfor = \"5s\"\nkind = \"pause\"\nnode = \"eu-1\"");
    assert!(said.contains("line 7") && said.contains("`lasts`"), "{said}");
}

#[test]
fn errors_outside_of_faults_are_clear_too() {
    let said = error("[workload]\ndurability = \"sometimes\"");
    assert!(said.contains("line 8") && said.contains("buffered") && said.contains("synced"), "{said}");
    let said = error("[workload]\nclient = 3");
    assert!(said.contains("line 8") && said.contains("clients"), "{said}");
    let said = error("[session]\nidle_timeout = \"2d\"");
    assert!(said.contains("idle_timeout"), "{said}");
    let said = error("[latency]\nbetween_regions = \"50ms..40ms\"");
    assert!(said.contains("shortest"), "{said}");
    let said = Drill::parse("name = \"x\"").unwrap_err().to_string();
    assert!(said.contains("[[region]]"), "{said}");
    let said = Drill::parse("[[region]\nname = 3").unwrap_err().to_string();
    assert!(said.starts_with("line 1"), "{said}");
    let said = error("[[region]]\nname = \"eu\"\nnodes = 1");
    assert!(said.contains("twice"), "{said}");
    let said = error("[workload.mix]\nread = 0\n");
    assert!(said.contains("mix"), "{said}");
}

fn outcome(violation: Option<Violation>, timeline: Vec<(u64, Happening)>) -> Outcome {
    Outcome {
        violation,
        is_held_back: false,
        trace_hash: 0,
        happenings: 0,
        simulated_us: 60_000_000,
        counts: Counts::default(),
        faults_begun: 1,
        faults: [(FaultClass::RegionCut, true)].into(),
        timeline,
    }
}

#[test]
fn a_verdict_counts_calls_during_the_fault_by_region() {
    let plan = Drill::parse(EXAMPLE).unwrap().plan(1);
    let node = crate::plan::NodeId(0);
    let class = FaultClass::RegionCut;
    let operation = 0;
    let region = Names::new(&plan.shape).region(plan.shape.region_of_client(plan.operations[0].client));
    let timeline = vec![
        (0, Happening::Phase(Phase::Chaos)),
        (1_000, Happening::FaultBegan { fault: 0, class }),
        (2_000, Happening::Invoked { operation, again: false, shows: IdName::First }),
        (9_000, Happening::Answered { operation, again: false, answer: Answer::Acknowledged { node } }),
        (9_000, Happening::FaultEnded { fault: 0, class }),
        (9_500, Happening::Invoked { operation, again: true, shows: IdName::First }),
        (9_900, Happening::Answered { operation, again: true, answer: Answer::Unknown }),
    ];
    let mut verdict = Verdict::default();
    verdict.add(&plan, &outcome(None, timeline));
    let said = verdict.lines(&plan).join("\n");
    assert!(said.contains("KEPT") && said.contains("1 acknowledged write"), "{said}");
    assert!(
        said.contains(&format!(
            "{region:<8} while something was wrong: 1 call: 1 answered (100.0 %, slowest 7 ms)"
        )),
        "{said}"
    );
    assert!(
        said.contains(
            "while all was well:          1 call: 0 answered (0.0 %, slowest 0 ms), 0 refused, 1 unclear"
        ),
        "{said}"
    );
    assert_eq!(verdict.failed_seed(), None);
}

#[test]
fn a_broken_promise_is_named_with_its_seed() {
    let plan = Drill::parse(EXAMPLE).unwrap().plan(7);
    let violation =
        Violation { invariant: "I6", at_us: 1_500_000, detail: "session 3 is live again".to_owned() };
    let mut verdict = Verdict::default();
    verdict.add(&plan, &outcome(Some(violation), Vec::new()));
    let said = verdict.lines(&plan).join("\n");
    assert!(said.contains("BROKEN") && said.contains("seed 7: I6 broken"), "{said}");
    assert_eq!(verdict.failed_seed(), Some(7));
}

#[test]
fn a_run_that_was_not_compared_is_told() {
    let plan = Drill::parse(EXAMPLE).unwrap().plan(7);
    let mut verdict = Verdict::default();
    verdict.add(&plan, &outcome(None, Vec::new()));
    assert!(!verdict.lines(&plan).join("\n").contains("held back"));
    verdict.add(&plan, &Outcome { is_held_back: true, ..outcome(None, Vec::new()) });
    let said = verdict.lines(&plan).join("\n");
    assert!(said.contains("But 1 run ended before the comparison: writes were held back"), "{said}");
}

#[test]
fn a_panic_is_no_kept_promise_and_nothing_done_shows_nothing() {
    let plan = Drill::parse(EXAMPLE).unwrap().plan(7);
    let mut verdict = Verdict::default();
    verdict.add(&plan, &outcome(None, Vec::new()));
    assert!(verdict.lines(&plan).join("\n").contains("NOTHING SHOWN"));
    verdict.add_unfinished(9, &RunError("the product panicked".to_owned()));
    let said = verdict.lines(&plan).join("\n");
    assert!(said.contains("BROKEN") && said.contains("1 run of 2") && said.contains("seed 9"), "{said}");
}
