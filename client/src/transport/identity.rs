//! Which node a certificate names: one URI, `sojourn://<cluster_id>/node/<region>/<name>`.

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Whom a client means to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The cluster that the node must belong to.
    pub(crate) cluster_id: String,
    /// Region and name, where the layout tells them; else any node of the cluster.
    pub(crate) node: Option<(String, String)>,
}

impl Expected {
    /// Whether the certificate names whom we mean.
    ///
    /// # Errors
    /// Says whom it names instead.
    pub(super) fn check(&self, certificate: &[u8]) -> Result<(), String> {
        let uris = uri_names(certificate)?;
        let [uri] = uris.as_slice() else {
            return Err(format!("its certificate must have exactly one URI name, it has {}", uris.len()));
        };
        if self.admits(uri) {
            return Ok(());
        }
        Err(format!("it is {uri}, expected {}", self.pattern()))
    }

    fn admits(&self, uri: &str) -> bool {
        let prefix = format!("sojourn://{}/node/", self.cluster_id);
        let Some((region, name)) = uri.strip_prefix(&prefix).and_then(|rest| rest.split_once('/')) else {
            return false;
        };
        let wanted = self.node.as_ref().is_none_or(|(r, n)| r == region && n == name);
        wanted && !region.is_empty() && !name.is_empty() && !name.contains('/')
    }

    fn pattern(&self) -> String {
        let (region, name) = self.node.as_ref().map_or(("*", "*"), |(region, name)| (region, name));
        format!("sojourn://{}/node/{region}/{name}", self.cluster_id)
    }
}

fn uri_names(certificate: &[u8]) -> Result<Vec<String>, String> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| "its certificate is malformed")?;
    let names = parsed.subject_alternative_name().map_err(|_| "its certificate has malformed names")?;
    let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    });
    Ok(uris.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(node: Option<(&str, &str)>) -> Expected {
        let node = node.map(|(region, name)| (region.to_owned(), name.to_owned()));
        Expected { cluster_id: "dev".into(), node }
    }

    #[test]
    fn only_nodes_of_the_cluster_are_admitted() {
        let any = expected(None);
        assert!(any.admits("sojourn://dev/node/eu/eu-1"));
        for other in [
            "sojourn://prod/node/eu/eu-1",
            "sojourn://dev/client/shop",
            "sojourn://dev/node/eu",
            "sojourn://dev/node//eu-1",
            "sojourn://dev/node/eu/",
            "sojourn://dev/node/eu/eu-1/x",
            "sojourn://dev2/node/eu/eu-1",
            "https://dev/node/eu/eu-1",
        ] {
            assert!(!any.admits(other), "{other}");
        }
    }

    #[test]
    fn a_known_node_must_be_that_node() {
        let known = expected(Some(("eu", "eu-1")));
        assert!(known.admits("sojourn://dev/node/eu/eu-1"));
        assert!(!known.admits("sojourn://dev/node/eu/eu-2"));
        assert!(!known.admits("sojourn://dev/node/us/eu-1"));
    }
}
