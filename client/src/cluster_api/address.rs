//! Node addresses, as users write them and nodes report them.

use cameo_common::cluster_descriptor::MAX_NODES;
use cameo_common::ids::ClusterId;

use super::ClusterError;

/// A node's address as given to `init`: `URL` or `URL#CLUSTER_ID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub url: String,
    pub pin: Option<ClusterId>,
}

/// Parses `URL[#ID],URL[#ID],...`. At least one address must have the cluster's id, and all ids
/// must be equal.
///
/// # Errors
/// [`ClusterError::BadAddress`], with the expected form.
pub fn parse_addresses(text: &str) -> Result<(ClusterId, Vec<String>), ClusterError> {
    let mut pinned: Option<ClusterId> = None;
    let mut urls = Vec::new();
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let address = parse_address(part)?;
        match (pinned, address.pin) {
            (Some(one), Some(other)) if one != other => {
                return Err(bad_address(
                    part,
                    "it names another cluster than the address before it",
                ));
            }
            (None, Some(pin)) => pinned = Some(pin),
            _ => {}
        }
        if !urls.contains(&address.url) {
            urls.push(address.url);
        }
    }
    match pinned {
        Some(pin) if urls.len() <= MAX_NODES => Ok((pin, urls)),
        Some(_) => Err(bad_address(text, "more nodes than a cluster can have")),
        None => Err(bad_address(
            text,
            "the cluster's fingerprint is missing; copy the whole URL that a node prints \
             when it starts, from https to the end of the part after #",
        )),
    }
}

fn parse_address(text: &str) -> Result<Address, ClusterError> {
    let (url, pin) = match text.split_once('#') {
        None => (text, None),
        Some((url, pin)) => {
            let pin = pin.parse().map_err(|_| {
                bad_address(
                    text,
                    "the part after # has to be the cluster's fingerprint: 64 hex digits, as each \
                     node prints them when it starts",
                )
            })?;
            (url, Some(pin))
        }
    };
    let url = url.trim_end_matches('/').to_owned();
    check_url(&url)?;
    Ok(Address { url, pin })
}

/// Requires TLS.
pub(super) fn check_url(url: &str) -> Result<(), ClusterError> {
    let parsed = reqwest::Url::parse(url)
        .map_err(|_| bad_address(url, "write it like https://node.example:7001"))?;
    if parsed.path() != "/" || parsed.query().is_some() {
        return Err(bad_address(url, "leave out everything after host and port"));
    }
    match parsed.scheme() {
        "https" => Ok(()),
        _ => Err(bad_address(url, "it has to begin with https://")),
    }
}

fn bad_address(url: &str, why: &str) -> ClusterError {
    ClusterError::BadAddress {
        url: url.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ID: &str = "abababababababababababababababababababababababababababababababab";

    #[test]
    fn one_fingerprint_pins_all_addresses() {
        let text =
            format!("https://127.0.0.1:7001#{ID},https://127.0.0.1:7002/,https://[::1]:7003");
        let (pin, urls) = parse_addresses(&text).unwrap();
        assert_eq!(pin.to_string(), ID);
        assert_eq!(
            urls,
            [
                "https://127.0.0.1:7001",
                "https://127.0.0.1:7002",
                "https://[::1]:7003"
            ]
        );
    }

    #[test]
    fn attack_addresses_that_cannot_be_trusted_are_refused() {
        let other = ID.replace('a', "c");
        for text in [
            "https://127.0.0.1:7001".to_owned(),
            format!("http://127.0.0.1:7001#{ID}"),
            format!("http://node.example:7001#{ID}"),
            format!("ftp://127.0.0.1#{ID}"),
            format!("https://127.0.0.1:1/v1#{ID}"),
            "https://127.0.0.1:1#abcd".to_owned(),
            format!("https://127.0.0.1:1#{ID},https://127.0.0.1:2#{other}"),
            String::new(),
        ] {
            assert!(
                matches!(parse_addresses(&text), Err(ClusterError::BadAddress { .. })),
                "{text}"
            );
        }
    }
}
