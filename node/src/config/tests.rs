use super::*;

const SMALL: &str = r#"
[node]
cluster_id = "dev"
name = "eu-1"
region = "eu"
listen = "127.0.0.1:7001"
data_dir = "data"
bootstrap = true
[node.routes.us]
us-1 = "127.0.0.1:8101"
[tls]
cert_file = "node.pem"
key_file = "node.key"
ca_file = "ca.pem"
[keys]
cluster_key_file = "cluster.key"
"#;

#[test]
fn a_small_file_gets_the_defaults() {
    let config = Config::parse(SMALL).unwrap();
    assert_eq!(config.node.advertised(), "127.0.0.1:7001");
    assert_eq!(config.node.weight, 1);
    assert_eq!(config.node.routes["us"]["us-1"], "127.0.0.1:8101");
    assert_eq!(config.api.call_timeout_default_ms, 5_000);
}

#[test]
fn the_printed_default_is_a_valid_file() {
    let text = Config::default_text();
    let config = Config::parse(&text).unwrap();
    assert_eq!(toml::to_string(&config).unwrap(), text);
    assert!(text.contains("connections_max = "), "{text}");
}

#[track_caller]
fn refused(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from));
    Config::parse(&SMALL.replace(from, to)).unwrap_err().to_string()
}

#[test]
fn errors_name_the_field_and_what_is_allowed() {
    let error = refused("name = \"eu-1\"", "name = \"EU 1\"");
    assert_eq!(error, "node.name is \"EU 1\"; allowed: 1 to 64 characters of [a-z0-9_.-]");
    let error = refused("listen = \"127.0.0.1:7001\"", "listen = \"nowhere\"");
    assert_eq!(error, "node.listen is \"nowhere\"; allowed: host:port");
    let error = refused("bootstrap = true", "weight = 0\nbootstrap = true");
    assert_eq!(error, "node.weight is 0; allowed: 1 to 1000");
    let error = refused("bootstrap = true", "");
    assert!(error.starts_with("node.seeds is empty"), "{error}");
    let error = refused("127.0.0.1:8101", "nowhere");
    assert!(error.starts_with("node.routes is"), "{error}");
    let error = refused("[keys]", "[transport]\nconnections_max = 0\n[keys]");
    assert!(error.starts_with("transport.connections_max is 0"), "{error}");
}

#[test]
fn unknown_and_missing_fields_are_refused() {
    let error = refused("bootstrap = true", "bootstrap = true\nwieght = 2");
    assert!(error.starts_with("line 9: ") && error.contains("wieght"), "{error}");
}

#[test]
fn unknown_sections_are_refused() {
    let error = refused("[keys]", "[extra]\n[keys]");
    assert!(error.contains("extra"), "{error}");
    let error = refused("region = \"eu\"", "");
    assert!(error.contains("region"), "{error}");
}

#[test]
fn a_file_error_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.toml");
    assert!(matches!(Config::read(&path), Err(ConfigError::Unreadable { .. })));
    std::fs::write(&path, "[node]\n").unwrap();
    assert!(Config::read(&path).unwrap_err().to_string().contains("node.toml"));
}
