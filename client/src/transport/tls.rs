//! TLS 1.3 with a certificate on both sides. A node is known by the URI in its
//! certificate, not by a host name, so addresses may change freely.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use super::identity::Expected;
use crate::config::{ConfigError, TlsConfig};

/// The client's side of every handshake, parsed once.
#[derive(Debug)]
pub(crate) struct Credentials {
    roots: RootCertStore,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl Credentials {
    /// Parses the PEM texts.
    ///
    /// # Errors
    /// Names the text that is not usable; never shows it.
    pub(crate) fn parse(tls: &TlsConfig) -> Result<Self, ConfigError> {
        let mut roots = RootCertStore::empty();
        for authority in certificates("tls.ca_pem", &tls.ca_pem)? {
            roots.add(authority).map_err(|_| invalid("tls.ca_pem", "is not usable as an authority"))?;
        }
        let chain = certificates("tls.cert_pem", &tls.cert_pem)?;
        let key = PrivateKeyDer::from_pem_slice(tls.key_pem.as_bytes())
            .map_err(|_| invalid("tls.key_pem", "holds no private key in PEM"))?;
        Ok(Self { roots, chain, key, provider: Arc::new(ring::default_provider()) })
    }

    /// How to shake hands with one node.
    ///
    /// # Errors
    /// The key does not fit the certificate.
    pub(crate) fn towards(&self, expected: Expected) -> Result<rustls::ClientConfig, ConfigError> {
        let verifier = NodeVerifier { roots: self.roots.clone(), provider: self.provider.clone(), expected };
        let unusable = |_| invalid("tls.key_pem", "does not fit tls.cert_pem");
        let mut config = rustls::ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

fn certificates(field: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(invalid(field, "holds no certificate in PEM")),
    }
}

fn invalid(field: &'static str, problem: &str) -> ConfigError {
    ConfigError::Invalid { field, problem: problem.to_owned() }
}

/// Checks the chain as usual and the URI name in place of a host name. Both
/// happen inside the handshake, before the client sends anything else.
#[derive(Debug)]
struct NodeVerifier {
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
    expected: Expected,
}

impl ServerCertVerifier for NodeVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms)?;
        self.expected.check(end_entity).map_err(|problem| {
            let other = OtherError(Arc::new(std::io::Error::other(problem)));
            rustls::Error::InvalidCertificate(CertificateError::Other(other))
        })?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
