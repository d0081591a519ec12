//! Address of a cluster, as people write it: `URL#FINGERPRINT,URL,...`.
//!
//! The fingerprint is the cluster's id. One is enough for all URLs. A URL is the base URL of a
//! node: `https://`, a host, and its port unless that is 443.

use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::cluster_descriptor::MAX_NODES;
use crate::ids::ClusterId;

/// The port of a URL that names none.
pub const DEFAULT_PORT: u16 = 443;

/// Base URLs of nodes, and the fingerprint that their cluster has to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAddress {
    pub cluster: ClusterId,
    pub nodes: Vec<String>,
}

/// Text that is no address of a cluster or of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error(
        "the cluster's fingerprint is missing: copy the whole URL that a node prints when it \
         starts, from https to the end of the part after #"
    )]
    NoFingerprint,
    #[error(
        "'{0}' cannot be used as a node's address: the part after # has to be the cluster's \
         fingerprint: 64 hex digits, as each node prints them when it starts"
    )]
    Fingerprint(String),
    #[error("the addresses name two clusters: give those of one")]
    TwoClusters,
    #[error("'{0}' cannot be used as a node's address: write it like https://127.0.0.1:7101")]
    Url(String),
    #[error(
        "'{0}' cannot be used as a node's address: it has to begin with https://, because nodes \
         answer by TLS alone"
    )]
    NoTls(String),
    #[error("'{0}' cannot be used as a node's address: leave out everything after host and port")]
    Path(String),
    #[error("a cluster has at most {MAX_NODES} nodes")]
    TooMany,
}

impl FromStr for ClusterAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut found: Option<ClusterId> = None;
        let mut nodes: Vec<String> = Vec::new();
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
            let url = url.trim_end_matches('/').to_owned();
            check_url(&url)?;
            if !nodes.contains(&url) {
                nodes.push(url);
            }
        }
        if nodes.len() > MAX_NODES {
            return Err(AddressError::TooMany);
        }
        let cluster = found.ok_or(AddressError::NoFingerprint)?;
        Ok(Self { cluster, nodes })
    }
}

/// Requires a base URL of a node, without a slash at its end.
///
/// # Errors
/// See [`AddressError`].
pub fn check_url(url: &str) -> Result<(), AddressError> {
    host_and_port(url).map(|_| ())
}

/// The host and the port of a node's base URL. An IPv6 address is without its brackets.
///
/// # Errors
/// See [`AddressError`].
pub fn host_and_port(url: &str) -> Result<(&str, u16), AddressError> {
    let wrong = || AddressError::Url(url.to_owned());
    let (scheme, authority) = url.split_once("://").ok_or_else(wrong)?;
    if scheme != "https" {
        return Err(AddressError::NoTls(url.to_owned()));
    }
    if authority.contains(['/', '?', '#']) {
        return Err(AddressError::Path(url.to_owned()));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':').ok_or_else(wrong)?),
            };
            host.parse::<Ipv6Addr>().map_err(|_| wrong())?;
            (host, port)
        }
        None => {
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            };
            (is_host(host).then_some(host).ok_or_else(wrong)?, port)
        }
    };
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port_of(port).ok_or_else(wrong)?,
    };
    Ok((host, port))
}

/// A name or an IPv4 address.
fn is_host(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !text.is_empty() && text.bytes().all(fits)
}

/// A port, without a sign, which `parse` alone would take.
fn port_of(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| *port > 0);
    port.filter(|_| digits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_fingerprint_serves_all_urls() {
        let id = "ab".repeat(32);
        let text = format!(
            "https://127.0.0.1:7101#{id}, https://[::1]:7102/,https://node.example,\
             https://127.0.0.1:7101"
        );
        let address: ClusterAddress = text.parse().unwrap();
        assert_eq!(address.cluster, ClusterId([0xab; 32]));
        assert_eq!(
            address.nodes,
            [
                "https://127.0.0.1:7101",
                "https://[::1]:7102",
                "https://node.example"
            ]
        );
    }

    #[test]
    fn host_and_port_are_what_is_connected_to() {
        for (url, host, port) in [
            ("https://127.0.0.1:7101", "127.0.0.1", 7101),
            ("https://[::1]:7102", "::1", 7102),
            ("https://[::1]", "::1", 443),
            ("https://node.example", "node.example", 443),
        ] {
            assert_eq!(host_and_port(url), Ok((host, port)));
        }
    }

    #[test]
    fn attack_an_address_without_one_fingerprint_is_refused() {
        let (id, other) = ("ab".repeat(32), "cd".repeat(32));
        let url = |text: &str| AddressError::Url(text.to_owned());
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
            (format!("h:1#{id}"), url("h:1")),
            (
                format!("http://h:1#{id}"),
                AddressError::NoTls("http://h:1".into()),
            ),
            (
                format!("ftp://h#{id}"),
                AddressError::NoTls("ftp://h".into()),
            ),
            (
                format!("https://h:1/v1#{id}"),
                AddressError::Path("https://h:1/v1".into()),
            ),
            (
                format!("https://h:1?v#{id}"),
                AddressError::Path("https://h:1?v".into()),
            ),
        ] {
            assert_eq!(text.parse::<ClusterAddress>(), Err(error), "{text}");
        }
        for wrong in [
            "https://",
            "https://:1",
            "https://h:0",
            "https://h:+1",
            "https://h:70000",
            "https://h:1:2",
            "https://[::1",
            "https://[::1]1",
            "https://[h]:1",
            "https://me@h:1",
            "https://h h:1",
            "https://h\x1b[2J:1",
        ] {
            assert_eq!(check_url(wrong), Err(url(wrong)), "{wrong}");
        }
        let many: Vec<_> = (1..=MAX_NODES + 1)
            .map(|port| format!("https://h:{port}#{id}"))
            .collect();
        assert_eq!(
            many.join(",").parse::<ClusterAddress>(),
            Err(AddressError::TooMany)
        );
    }
}
