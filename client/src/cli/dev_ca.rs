//! A certificate authority for development: it signs the nodes and one client
//! of a local cluster. Its key lies beside the certificates, so it is good for
//! nothing else.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

use crate::cli::error::CliError;

/// The name of the one client.
pub(crate) const CLIENT_NAME: &str = "client";

/// Where the certificates of a local cluster are.
#[derive(Clone, Debug)]
pub(crate) struct TlsDir {
    dir: PathBuf,
}

impl TlsDir {
    /// This folder.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The authority's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// The certificate of a node or of the client.
    pub(crate) fn cert(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.pem"))
    }

    /// The private key of a node or of the client.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.key"))
    }

    /// Makes all certificates anew if any is missing.
    pub(crate) fn prepare(&self, cluster_id: &str, nodes: &[(String, String)]) -> Result<(), CliError> {
        let names = nodes.iter().map(|(_, name)| name.as_str()).chain([CLIENT_NAME]);
        if self.ca().exists()
            && names.into_iter().all(|name| self.cert(name).exists() && self.key(name).exists())
        {
            return Ok(());
        }
        make_private_dir(&self.dir)?;
        let authority = Authority::new(cluster_id).map_err(unsigned)?;
        write_private(&self.ca(), &authority.pem)?;
        for (region, name) in nodes {
            let pair = authority.node(cluster_id, region, name).map_err(unsigned)?;
            self.write_pair(name, &pair)?;
        }
        let pair = authority.client(cluster_id, CLIENT_NAME).map_err(unsigned)?;
        self.write_pair(CLIENT_NAME, &pair)
    }

    fn write_pair(&self, name: &str, pair: &Pair) -> Result<(), CliError> {
        write_private(&self.cert(name), &pair.cert_pem)?;
        write_private(&self.key(name), &pair.key_pem)
    }
}

fn unsigned(error: rcgen::Error) -> CliError {
    CliError::Failed(format!("cannot make a certificate: {error}"))
}

/// A folder that only its owner can enter.
pub(crate) fn make_private_dir(dir: &Path) -> Result<(), CliError> {
    fs::create_dir_all(dir).map_err(|error| CliError::file("cannot make the folder", dir, error))?;
    let mode = fs::Permissions::from_mode(0o700);
    fs::set_permissions(dir, mode).map_err(|error| CliError::file("cannot protect the folder", dir, error))
}

/// A file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), CliError> {
    let open = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    open.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| CliError::file("cannot write", path, error))
}

/// A certificate and its key.
struct Pair {
    cert_pem: String,
    key_pem: String,
}

/// Signs certificates; its key never leaves memory.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(cluster_id: &str) -> Result<Self, rcgen::Error> {
        let mut params = params(&format!("Sojourn development CA of {cluster_id}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    fn node(&self, cluster_id: &str, region: &str, name: &str) -> Result<Pair, rcgen::Error> {
        let mut params = params(name);
        let uri = format!("sojourn://{cluster_id}/node/{region}/{name}");
        params.subject_alt_names = vec![
            SanType::URI(uri.try_into()?),
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress([127, 0, 0, 1].into()),
        ];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn client(&self, cluster_id: &str, name: &str) -> Result<Pair, rcgen::Error> {
        let mut params = params(name);
        let uri = format!("sojourn://{cluster_id}/client/{name}");
        params.subject_alt_names = vec![SanType::URI(uri.try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Pair, rcgen::Error> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let cert_pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Pair { cert_pem, key_pem: key.serialize_pem() })
    }
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

    use super::*;

    fn prepared() -> (tempfile::TempDir, TlsDir) {
        let dir = tempfile::tempdir().unwrap();
        let tls = TlsDir::new(dir.path().join("tls"));
        tls.prepare("dev", &[("eu".into(), "eu-1".into())]).unwrap();
        (dir, tls)
    }

    fn uris(path: &Path) -> Vec<String> {
        let der = CertificateDer::from_pem_file(path).unwrap();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        let names = certificate.subject_alternative_name().unwrap().unwrap().value;
        let uri = |name: &GeneralName<'_>| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        };
        names.general_names.iter().filter_map(uri).collect()
    }

    #[test]
    fn each_certificate_has_exactly_one_uri_name() {
        let (_dir, tls) = prepared();
        assert_eq!(uris(&tls.cert("eu-1")), ["sojourn://dev/node/eu/eu-1"]);
        assert_eq!(uris(&tls.cert(CLIENT_NAME)), ["sojourn://dev/client/client"]);
    }

    #[test]
    fn keys_parse_and_only_the_owner_reads_them() {
        let (_dir, tls) = prepared();
        PrivateKeyDer::from_pem_file(tls.key("eu-1")).unwrap();
        let mode = fs::metadata(tls.key("eu-1")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn certificates_that_are_there_stay() {
        let (_dir, tls) = prepared();
        let before = fs::read(tls.cert("eu-1")).unwrap();
        tls.prepare("dev", &[("eu".into(), "eu-1".into())]).unwrap();
        assert_eq!(fs::read(tls.cert("eu-1")).unwrap(), before);
    }
}
