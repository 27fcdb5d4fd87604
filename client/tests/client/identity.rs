//! Nodes that are not whom we mean.

use sojourn_client::{ClientConfig, ConfigError, Error};

use crate::support::{Authority, Cluster};

async fn refusal(cluster: &Cluster, mut config: ClientConfig) -> String {
    config.request_timeout_ms = 300;
    match cluster.connect(config).await {
        Err(Error::Unavailable(details)) => details.message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_node_of_another_cluster_is_refused() {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let mut config = cluster.config("eu-1");
    config.cluster_id = "prod".into();
    let message = refusal(&cluster, config).await;
    assert!(message.contains("sojourn://dev/node/eu/eu-1"), "{message}");
    assert!(message.contains("sojourn://prod/node/"), "{message}");
}

#[tokio::test]
async fn a_node_that_an_unknown_authority_signed_is_refused() {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let mut config = cluster.config("eu-1");
    config.tls.ca_pem = Authority::new().issue("sojourn://dev/client/test").ca_pem;
    let message = refusal(&cluster, config).await;
    assert!(message.contains("invalid peer certificate"), "{message}");
}

#[tokio::test]
async fn a_node_that_goes_by_anothers_address_is_refused() {
    let cluster = Cluster::start(&[("eu", "eu-1"), ("eu", "eu-2")]);
    let mut config = cluster.config("eu-2").address_override("eu-1:1", "eu-2:1");
    config.retries_max = 0;
    let client = cluster.connect(config).await.unwrap();
    let failed = client.get("shop", &"any".into()).await.unwrap_err();
    assert!(failed.to_string().contains("expected sojourn://dev/node/eu/eu-1"), "{failed}");
}

#[tokio::test]
async fn unusable_certificates_are_told_apart() {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let mut config = cluster.config("eu-1");
    config.tls.key_pem = "no key".into();
    let Err(Error::Config(ConfigError::Invalid { field, .. })) = cluster.connect(config).await else {
        panic!()
    };
    assert_eq!(field, "tls.key_pem");
    let mut config = cluster.config("eu-1");
    config.tls.key_pem = cluster.authority.issue("sojourn://dev/client/other").key_pem;
    let Err(Error::Config(ConfigError::Invalid { problem, .. })) = cluster.connect(config).await else {
        panic!()
    };
    assert!(problem.contains("does not fit"), "{problem}");
}
