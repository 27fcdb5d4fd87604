//! The plain gRPC interface, for requests that the client library never makes.

use std::path::Path;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// A channel over TLS with the certificate `{name}.pem` of a folder, trusting its `ca.pem`.
pub(crate) async fn channel(
    address: &str,
    tls_dir: &Path,
    name: &str,
) -> Result<Channel, tonic::transport::Error> {
    let tls = TlsConnector::from(Arc::new(tls_config(tls_dir, name)));
    let address = address.to_owned();
    let dial = tower::service_fn(move |_| {
        let (tls, address) = (tls.clone(), address.clone());
        async move {
            let stream = TcpStream::connect(&address).await?;
            let host = ServerName::try_from("127.0.0.1").unwrap();
            tls.connect(host, stream).await.map(TokioIo::new)
        }
    });
    Endpoint::from_static("http://node.test").connect_with_connector(dial).await
}

/// The one reply to one call of a pipeline.
pub(crate) async fn pipelined(
    sessions: &SessionServiceClient<Channel>,
    call: Call,
    timeout_ms: u32,
) -> Result<Reply, Status> {
    let calls = vec![pb::PipelineCall { id: 7, timeout_ms, call: Some(call) }];
    let requests = futures::stream::iter([pb::PipelineRequest { calls }]);
    let mut answers = sessions.clone().pipeline(requests).await?.into_inner();
    let mut answer = answers.message().await?.unwrap();
    Ok(answer.replies.remove(0).reply.unwrap())
}

fn tls_config(dir: &Path, name: &str) -> ClientConfig {
    let file = |name: String| std::fs::read(dir.join(name)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&file("ca.pem".into())).unwrap()).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(&file(format!("{name}.pem"))).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&file(format!("{name}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}
