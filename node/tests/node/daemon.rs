//! The process `sojournd`: arguments, one-line errors, signals.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::Authority;

fn sojournd(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sojournd")).args(arguments).output().unwrap()
}

#[track_caller]
fn refused(path: &Path) -> String {
    let output = sojournd(&["--config", path.to_str().unwrap()]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("sojournd: "), "{error}");
    error
}

fn config(dir: &Path, certificate: &str, more: &str) -> String {
    let authority = Authority::new(dir);
    let files = authority.issue("node", &[certificate]);
    std::fs::write(dir.join("cluster.key"), "5a".repeat(32)).unwrap();
    format!(
        "[node]\ncluster_id = 'dev'\nname = 'eu-1'\nregion = 'eu'\nlisten = '127.0.0.1:0'\n\
         advertise = '127.0.0.1:7001'\ndata_dir = '{0}/data'\nbootstrap = true\n{more}\n\
         [tls]\ncert_file = '{0}/node.pem'\nkey_file = '{0}/node.key'\nca_file = '{1}'\n\
         [keys]\ncluster_key_file = '{0}/cluster.key'\n",
        dir.display(),
        files.ca_file.display(),
    )
}

#[test]
fn the_default_configuration_is_printed_and_valid() {
    let output = sojournd(&["--print-default-config"]);
    assert!(output.status.success());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.toml");
    std::fs::write(&path, &output.stdout).unwrap();
    let output = sojournd(&["--check", "--config", path.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_keeps_it_from_starting_is_one_clear_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.toml");
    assert!(refused(&path).contains("cannot read the configuration"));
    let own = "sojourn://dev/node/eu/eu-1";
    std::fs::write(&path, config(dir.path(), own, "weight = 0")).unwrap();
    assert!(refused(&path).contains("node.weight is 0; allowed: 1 to 1000"));
    std::fs::write(&path, config(dir.path(), "sojourn://dev/node/eu/eu-2", "")).unwrap();
    assert!(refused(&path).contains("is for node eu-2 of region eu"));
    std::fs::write(&path, config(dir.path(), "sojourn://prod/node/eu/eu-1", "")).unwrap();
    assert!(refused(&path).contains("for cluster \"prod\", this is cluster \"dev\""));
    std::fs::write(&path, config(dir.path(), own, "").replace("127.0.0.1:0", "192.0.2.1:1")).unwrap();
    assert!(refused(&path).contains("cannot listen at 192.0.2.1:1 (node.listen)"));
    std::fs::write(&path, config(dir.path(), own, "")).unwrap();
    std::fs::write(dir.path().join("cluster.key"), "short").unwrap();
    let error = refused(&path);
    assert!(error.contains("64 hexadecimal digits") && !error.contains("short"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_signal_stops_it_in_order() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.toml");
    std::fs::write(&path, config(dir.path(), "sojourn://dev/node/eu/eu-1", "")).unwrap();
    let mut node = Command::new(env!("CARGO_BIN_EXE_sojournd"))
        .args(["--config", path.to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut logs = BufReader::new(node.stderr.take().unwrap()).lines();
    assert!(logs.any(|line| line.unwrap().contains("node is up")));
    let kill = Command::new("kill").arg(node.id().to_string()).status().unwrap();
    assert!(kill.success());
    assert!(logs.any(|line| line.unwrap().contains("node has stopped")));
    assert!(node.wait().unwrap().success());
}
