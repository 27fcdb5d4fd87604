//! Identities in certificates: exactly one URI name,
//! `sojourn://<cluster id>/node/<region>/<name>` or `sojourn://<cluster id>/client/<name>`.

use std::fmt;

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

const SCHEME: &str = "sojourn://";

/// Longest cluster id, region or name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// A verified caller. On the server it is a request extension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PeerIdentity {
    /// A node of the cluster.
    Node {
        /// Its name, unique in the cluster.
        name: String,
        /// Its region.
        region: String,
    },
    /// An application or an operator.
    Client {
        /// The name in its certificate.
        name: String,
    },
}

/// Why a certificate does not name a peer of this cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not an X.509 certificate.
    #[error("the certificate cannot be parsed")]
    Unreadable,
    /// None, or more than one.
    #[error("the certificate has {count} URI names; exactly one is allowed")]
    UriNames {
        /// How many.
        count: usize,
    },
    /// The name does not have the form of an identity.
    #[error(
        "the certificate's URI name {uri:?} is not sojourn://<cluster id>/node/<region>/<name> or \
         sojourn://<cluster id>/client/<name> with names of 1 to 64 characters of [a-z0-9_.-]"
    )]
    Malformed {
        /// What it is.
        uri: String,
    },
    /// A certificate of another cluster.
    #[error("the certificate is for cluster {actual:?}, this is cluster {expected:?}")]
    ForeignCluster {
        /// This cluster.
        expected: String,
        /// The certificate's.
        actual: String,
    },
    /// No certificate was shown.
    #[error("no certificate was shown")]
    Missing,
}

impl PeerIdentity {
    /// The identity in a certificate (DER) that has been verified already.
    ///
    /// # Errors
    /// If it does not have exactly one well-formed URI name of this cluster.
    pub fn from_certificate(der: &[u8], cluster_id: &str) -> Result<Self, IdentityError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Unreadable)?;
        let names = certificate.subject_alternative_name().map_err(|_| IdentityError::Unreadable)?;
        let mut uris = names
            .iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None });
        match (uris.next(), uris.count()) {
            (Some(uri), 0) => Self::parse(uri, cluster_id),
            (Some(_), more) => Err(IdentityError::UriNames { count: 1 + more }),
            (None, _) => Err(IdentityError::UriNames { count: 0 }),
        }
    }

    /// Parses a URI name.
    ///
    /// # Errors
    /// If it is malformed or names another cluster.
    pub fn parse(uri: &str, cluster_id: &str) -> Result<Self, IdentityError> {
        let malformed = || IdentityError::Malformed { uri: uri.chars().take(256).collect() };
        let parts: Vec<&str> = uri.strip_prefix(SCHEME).ok_or_else(malformed)?.split('/').collect();
        let (cluster, identity) = match parts.as_slice() {
            [cluster, "node", region, name] if valid_name(region) && valid_name(name) => {
                (*cluster, Self::Node { name: (*name).to_owned(), region: (*region).to_owned() })
            }
            [cluster, "client", name] if valid_name(name) => {
                (*cluster, Self::Client { name: (*name).to_owned() })
            }
            _ => return Err(malformed()),
        };
        if !valid_name(cluster) {
            return Err(malformed());
        }
        if cluster != cluster_id {
            let (expected, actual) = (cluster_id.to_owned(), cluster.to_owned());
            return Err(IdentityError::ForeignCluster { expected, actual });
        }
        Ok(identity)
    }

    /// The URI name for a certificate.
    #[must_use]
    pub fn uri(&self, cluster_id: &str) -> String {
        match self {
            Self::Node { name, region } => format!("{SCHEME}{cluster_id}/node/{region}/{name}"),
            Self::Client { name } => format!("{SCHEME}{cluster_id}/client/{name}"),
        }
    }
}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node { name, region } => write!(f, "node {name} of region {region}"),
            Self::Client { name } => write!(f, "client {name}"),
        }
    }
}

/// Whether a text may be a cluster id, a region, or the name of a node or client:
/// 1 to 64 characters of `[a-z0-9_.-]`.
#[must_use]
pub fn valid_name(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(uris: &[&str]) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        for uri in uris {
            params.subject_alt_names.push(rcgen::SanType::URI((*uri).try_into().unwrap()));
        }
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    fn node(region: &str, name: &str) -> PeerIdentity {
        PeerIdentity::Node { name: name.into(), region: region.into() }
    }

    #[test]
    fn a_certificate_with_one_uri_name_is_an_identity() {
        let der = certificate(&["sojourn://dev/node/eu/eu-1"]);
        assert_eq!(PeerIdentity::from_certificate(&der, "dev"), Ok(node("eu", "eu-1")));
        let der = certificate(&["sojourn://dev/client/shop"]);
        let shop = PeerIdentity::Client { name: "shop".into() };
        assert_eq!(PeerIdentity::from_certificate(&der, "dev"), Ok(shop));
    }

    #[test]
    fn none_or_two_uri_names_are_refused() {
        let refused = |uris: &[&str]| PeerIdentity::from_certificate(&certificate(uris), "dev");
        assert_eq!(refused(&[]), Err(IdentityError::UriNames { count: 0 }));
        let two = ["sojourn://dev/node/eu/eu-1", "sojourn://dev/client/shop"];
        assert_eq!(refused(&two), Err(IdentityError::UriNames { count: 2 }));
        assert_eq!(
            refused(&["sojourn://dev/client/a", "https://x.example"]).unwrap_err(),
            IdentityError::UriNames { count: 2 }
        );
    }

    #[test]
    fn a_foreign_cluster_is_named() {
        let error = PeerIdentity::parse("sojourn://prod/client/a", "dev").unwrap_err();
        assert_eq!(error, IdentityError::ForeignCluster { expected: "dev".into(), actual: "prod".into() });
    }

    #[test]
    fn malformed_names_are_refused() {
        for uri in [
            "spiffe://dev/node/eu/a",
            "sojourn://dev/node/eu",
            "sojourn://dev/node//a",
            "sojourn://dev/node/eu/a/b",
            "sojourn://dev/client/A",
            "sojourn:///client/a",
            "sojourn://dev/admin/a",
            "",
        ] {
            let error = PeerIdentity::parse(uri, "dev").unwrap_err();
            assert_eq!(error, IdentityError::Malformed { uri: uri.into() });
        }
        assert!(PeerIdentity::from_certificate(b"not a certificate", "dev").is_err());
    }

    #[test]
    fn uri_names_round_trip() {
        for identity in [node("eu", "eu-1"), PeerIdentity::Client { name: "shop".into() }] {
            assert_eq!(PeerIdentity::parse(&identity.uri("dev"), "dev"), Ok(identity));
        }
    }
}
