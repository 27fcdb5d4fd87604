//! Certificates of a simulated cluster: made anew for each run, the same in each.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, SanType};
use sojourn_client::TlsConfig;
use sojourn_node::security::{PeerIdentity, TlsFiles};

use crate::interpose::with_seed;

/// The cluster's id.
pub(super) const CLUSTER_ID: &str = "sim";
/// Seeds keys and signatures, in every run alike: how long they are must not depend on the plan.
const SEED: u64 = 0x736f_6a6f_7572_6e00;

/// Why certificates could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificateError {
    /// The files cannot be written.
    #[error("cannot write certificates: {0}")]
    Io(#[from] std::io::Error),
    /// The generator refused.
    #[error("cannot make certificates: {0}")]
    Generate(#[from] rcgen::Error),
    /// The client cannot read them.
    #[error("cannot read certificates: {0}")]
    Read(#[from] sojourn_client::Error),
}

/// A folder with an authority and the certificates that it signed.
pub(super) struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes an authority and a cluster key in a temporary folder.
    pub(super) fn new() -> Result<Self, CertificateError> {
        // In a thread of its own, because how often a name is taken already is up to others.
        let folder = std::thread::spawn(tempfile::tempdir).join();
        let folder = folder.unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()))?;
        let issuer = with_seed(SEED, || {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        })?;
        warm_up(issuer.der().to_vec());
        std::fs::write(folder.path().join("ca.crt"), issuer.pem())?;
        std::fs::write(folder.path().join("cluster.key"), "5a".repeat(32))?;
        Ok(Self { folder, issuer })
    }

    /// The certificate of a node.
    pub(super) fn node(&self, name: &str, region: &str) -> Result<TlsFiles, CertificateError> {
        self.issue(name, &format!("sojourn://{CLUSTER_ID}/node/{region}/{name}"))?;
        Ok(TlsFiles {
            cert_file: self.file(name, "crt"),
            key_file: self.file(name, "key"),
            ca_file: self.file("ca", "crt"),
        })
    }

    /// The certificate of all clients.
    pub(super) fn client(&self) -> Result<TlsConfig, CertificateError> {
        self.issue("client", &format!("sojourn://{CLUSTER_ID}/client/sim"))?;
        let (ca, cert, key) =
            (self.file("ca", "crt"), self.file("client", "crt"), self.file("client", "key"));
        TlsConfig::from_files(&ca, &cert, &key).map_err(|error| sojourn_client::Error::from(error).into())
    }

    /// The file of the cluster key.
    pub(super) fn cluster_key(&self) -> PathBuf {
        self.file("cluster", "key")
    }

    fn issue(&self, name: &str, uri: &str) -> Result<(), CertificateError> {
        let seed = name.bytes().fold(SEED, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let (certificate, key) = with_seed(seed, || {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new(vec![name.to_owned()])?;
            params.subject_alt_names.push(SanType::URI(uri.try_into()?));
            Ok::<_, rcgen::Error>((params.signed_by(&key, &self.issuer)?, key))
        })?;
        std::fs::write(self.file(name, "crt"), certificate.pem())?;
        std::fs::write(self.file(name, "key"), key.serialize_pem())?;
        Ok(())
    }

    fn file(&self, name: &str, ending: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.{ending}"))
    }
}

/// Has the parser of certificates build its tables, which it does once in a
/// process, in another thread: each hash map moves the seeds of all later ones
/// in its thread, and so the first run of a process would differ from the others.
fn warm_up(certificate: Vec<u8>) {
    let parse = move || drop(PeerIdentity::from_certificate(&certificate, CLUSTER_ID));
    // What it says of this certificate does not matter.
    let _ = std::thread::spawn(parse).join();
}
