//! Node addresses, as users write them and nodes report them.

use cameo_common::cluster_address::{self, ClusterAddress};
use cameo_common::ids::ClusterId;

use super::ClusterError;

/// Parses `URL[#ID],URL[#ID],...`. At least one address must have the cluster's id, and all ids
/// must be equal.
///
/// # Errors
/// [`ClusterError::BadAddress`], with the expected form.
pub fn parse_addresses(text: &str) -> Result<(ClusterId, Vec<String>), ClusterError> {
    let ClusterAddress { cluster, nodes } = text.parse()?;
    Ok((cluster, nodes))
}

/// Requires a base URL with TLS.
pub(super) fn check_url(url: &str) -> Result<(), ClusterError> {
    Ok(cluster_address::check_url(url)?)
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
                matches!(parse_addresses(&text), Err(ClusterError::BadAddress(_))),
                "{text}"
            );
        }
    }
}
