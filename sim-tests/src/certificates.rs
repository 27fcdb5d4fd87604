//! Certificates of a simulated cluster: made anew for each process, like a real authority would.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, SanType};

/// Why certificates could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The files cannot be written.
    #[error("cannot write certificates: {0}")]
    Io(#[from] std::io::Error),
    /// The generator refused.
    #[error("cannot make certificates: {0}")]
    Generate(#[from] rcgen::Error),
}

/// A folder with an authority and the certificates that it signed.
pub struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes an authority and a cluster key in a folder.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn new(folder: &Path) -> Result<Self, CertificateError> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        std::fs::write(folder.join("ca.crt"), issuer.pem())?;
        std::fs::write(folder.join("cluster.key"), "5a".repeat(32))?;
        Ok(Self { folder: folder.to_owned(), issuer })
    }

    /// Signs `{name}.crt` with one URI name, for a host of that name.
    ///
    /// # Errors
    /// If the folder cannot be written or the URI is none.
    pub fn issue(&self, name: &str, uri: &str) -> Result<(), CertificateError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        let certificate = params.signed_by(&key, &self.issuer)?;
        std::fs::write(self.file(name, "crt"), certificate.pem())?;
        std::fs::write(self.file(name, "key"), key.serialize_pem())?;
        Ok(())
    }

    /// The path of a file that was written.
    #[must_use]
    pub fn file(&self, name: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{name}.{ending}"))
    }
}
