//! A few seeds of the scenario in every test run; `sojourn-sim run` does more.

use sojourn_sim::region_cut;

#[test]
fn a_region_cut_off_and_back_loses_nothing() {
    for seed in 1..=3 {
        let folder = tempfile::tempdir().unwrap();
        let report = region_cut::run(seed, folder.path()).unwrap();
        assert!(report.acknowledged > 0, "nothing was written: {report:?}");
    }
}
