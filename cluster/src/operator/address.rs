//! Address of a cluster, as the operator gives it: `URL#FINGERPRINT,URL,...`.

use std::str::FromStr;

use cameo_common::cluster_descriptor::MAX_NODES;
use cameo_common::ids::ClusterId;

/// Base URLs of nodes, and the fingerprint that one of them has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAddress {
    pub cluster: ClusterId,
    pub nodes: Vec<String>,
}

/// Text that is no address of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error(
        "the cluster's fingerprint is missing: copy the whole URL that a node prints when it \
         starts, to the end of the part after #"
    )]
    NoFingerprint,
    #[error("`{0}` has no fingerprint of 64 hexadecimal digits after the #")]
    Fingerprint(String),
    #[error("the addresses name two clusters")]
    TwoClusters,
    #[error("`{0}` is no URL of a node: write it as in https://127.0.0.1:7101")]
    Url(String),
    #[error("a cluster has at most {MAX_NODES} nodes")]
    TooMany,
}

impl FromStr for ClusterAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut found: Option<ClusterId> = None;
        let mut nodes = Vec::new();
        let parts = text.split(',').map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            let (url, fingerprint) = match part.split_once('#') {
                None => (part, None),
                Some((url, text)) => {
                    let wrong = |_| AddressError::Fingerprint(part.to_owned());
                    (url, Some(text.parse().map_err(wrong)?))
                }
            };
            match (found, fingerprint) {
                (Some(one), Some(other)) if one != other => return Err(AddressError::TwoClusters),
                (None, Some(cluster)) => found = Some(cluster),
                _ => {}
            }
            nodes.push(base_url(url).ok_or_else(|| AddressError::Url(part.to_owned()))?);
        }
        if nodes.len() > MAX_NODES {
            return Err(AddressError::TooMany);
        }
        let cluster = found.ok_or(AddressError::NoFingerprint)?;
        Ok(Self { cluster, nodes })
    }
}

fn base_url(text: &str) -> Option<String> {
    let url = text.trim_end_matches('/');
    let host = url.split_once("://")?.1;
    let plain = !host.contains(['/', '?', ' ']) && host.contains(':');
    plain.then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_fingerprint_serves_all_urls() {
        let id = "ab".repeat(32);
        let text = format!("https://127.0.0.1:7101#{id}, https://[::1]:7102/");
        let address: ClusterAddress = text.parse().unwrap();
        assert_eq!(address.cluster, ClusterId([0xab; 32]));
        assert_eq!(
            address.nodes,
            ["https://127.0.0.1:7101", "https://[::1]:7102"]
        );
    }

    #[test]
    fn attack_an_address_without_one_fingerprint_is_refused() {
        let (id, other) = ("ab".repeat(32), "cd".repeat(32));
        for (text, error) in [
            (String::new(), AddressError::NoFingerprint),
            ("https://h:1".into(), AddressError::NoFingerprint),
            (
                format!("https://h:1#{id},https://h:2#{other}"),
                AddressError::TwoClusters,
            ),
            (
                "https://h:1#abcd".into(),
                AddressError::Fingerprint("https://h:1#abcd".into()),
            ),
            (format!("h:1#{id}"), AddressError::Url(format!("h:1#{id}"))),
            (
                format!("https://h:1/v1#{id}"),
                AddressError::Url(format!("https://h:1/v1#{id}")),
            ),
        ] {
            assert_eq!(text.parse::<ClusterAddress>(), Err(error));
        }
    }
}
