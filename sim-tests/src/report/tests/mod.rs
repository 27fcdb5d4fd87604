//! The page is whole, safe, small and always the same.

mod fixture;
mod markup;

use fixture::{broken, held, huge, plan};

use crate::plan::{NodeId, Plan};
use crate::prose::Names;
use crate::record::{Happening, Outcome};

const REPLAY: &str = "sojourn-sim replay 4711 --scenario <any>";

fn page(plan: &Plan, outcome: &Outcome) -> String {
    super::page(plan, outcome, REPLAY)
}

#[test]
fn tells_the_verdict_every_node_and_each_fault() {
    let (plan, outcome) = (plan(), held());
    let page = page(&plan, &outcome);
    assert!(page.contains("Every invariant held"));
    assert!(page.contains("<code>sojourn-sim replay 4711 --scenario &lt;any&gt;</code>"));
    assert!(page.contains(&format!("{:032x}", outcome.trace_hash)));
    for name in Names::new(&plan.shape).all_nodes() {
        assert!(page.contains(&format!(">{name}<title>")), "{name} has no lane");
    }
    assert!(page.contains(&format!(">{}<title>", NodeId(9))), "the node that a fault added has no lane");
    for (index, planned) in plan.faults.iter().enumerate() {
        let name = format!("<b>#{index} {}</b>", planned.fault.class().name());
        assert!(page.contains(&name), "{name} is not told");
    }
    assert!(page.contains("it never applied"));
    assert!(page.contains("not observed"));
}

#[test]
fn tells_what_broke_and_shows_the_session_in_question() {
    let page = page(&plan(), &broken());
    assert!(page.contains("I6 broken after 31.25 s"));
    assert!(page.contains("No resurrection"));
    assert!(page.contains("class=\"break\""));
    assert!(page.contains("<option value=\"3\" selected=\"selected\">"));
    assert!(page.contains("▸ tokyo-2<title>"));
    assert!(page.contains("The last happenings before I6 broke"));
    assert!(!page.contains("Every invariant held"));
}

#[test]
fn nodes_of_the_plan_have_names_everywhere() {
    let mut outcome = broken();
    let detail = "node 1 hides what node 9 and node 8 show".to_owned();
    outcome.timeline.push((31_250_000, Happening::Impossible { invariant: "I17", detail }));
    let page = page(&plan(), &outcome);
    for (node, _) in plan().shape.placed() {
        for after in ["<", " ", ",", ":", "."] {
            assert!(!page.contains(&format!("{node}{after}")), "{node} has no name");
        }
    }
    for told in [
        "<p>tokyo-2 shows session 3 as live",
        "acknowledged by frankfurt-1 at 14.823 s",
        "frankfurt-1, virginia-1, tokyo-1 and the rest do not see each other (messages wait), from",
        "frankfurt-1 → virginia-1 waits",
        "frankfurt-2 loses power in the middle of a disk write: from",
        "virginia-3 lost its disk, at 21 s",
        "tokyo-3 refused poison, 5 times, at 26.2 s",
        "the clock of virginia-2 was off by",
        ": frankfurt-1 says: live,",
        "frankfurt-2 hides what node 9 and tokyo-3 show",
    ] {
        assert!(page.contains(told), "{told}");
    }
}

#[test]
fn the_markup_is_balanced_and_ids_are_unique() {
    for outcome in [held(), broken()] {
        markup::check(&page(&plan(), &outcome)).unwrap();
    }
}

#[test]
fn nothing_that_a_plan_names_is_markup() {
    let (mut plan, mut outcome) = (plan(), broken());
    let hostile = "</svg><script>alert(\"1\")</script>&'";
    plan.scenario = Some(hostile.into());
    plan.shape.regions[0].name = hostile.into();
    outcome.violation.as_mut().unwrap().detail = hostile.into();
    let page = page(&plan, &outcome);
    assert!(!page.contains("<script>alert"));
    assert!(page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;"));
    markup::check(&page).unwrap();
}

#[test]
fn needs_nothing_from_outside() {
    let page = page(&plan(), &held());
    for outside in ["http:", "https:", "src=", "@import", "url(\"", "//cdn"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn the_same_outcome_gives_the_same_bytes() {
    assert!(page(&plan(), &held()) == page(&plan(), &held()));
    assert!(page(&plan(), &held()) != page(&plan(), &broken()));
}

#[test]
fn a_long_run_stays_small() {
    let (plan, outcome) = huge();
    let page = page(&plan, &outcome);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert!(page.contains("1500 of 30000 drawn"));
    markup::check(&page).unwrap();
}

#[test]
fn a_run_without_a_timeline_still_has_a_verdict() {
    let mut outcome = broken();
    outcome.timeline.clear();
    let page = page(&plan(), &outcome);
    assert!(page.contains("I6 broken after"));
    markup::check(&page).unwrap();
}

/// Writes the pages, to be looked at: `REPORT_FOLDER=... cargo test report_pages -- --ignored`.
#[test]
#[ignore = "writes files to look at"]
fn report_pages() {
    let folder = std::path::PathBuf::from(std::env::var("REPORT_FOLDER").unwrap());
    let (huge_plan, huge) = huge();
    std::fs::write(folder.join("held.html"), page(&plan(), &held())).unwrap();
    std::fs::write(folder.join("broken.html"), page(&plan(), &broken())).unwrap();
    std::fs::write(folder.join("huge.html"), page(&huge_plan, &huge)).unwrap();
}
