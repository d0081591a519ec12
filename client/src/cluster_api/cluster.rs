//! Who the cluster is and where its nodes are, checked against the id that was pinned.

use cameo_common::api::{ClusterInfo, NodeStatus, paths};
use cameo_common::cluster_descriptor::{DESCRIPTOR_VERSION, Descriptor, MAX_NODES};
use cameo_common::ids::{ClusterId, Millis};
use tokio::time::{Instant, sleep, timeout};

use super::call::{collect, decode};
use super::{ClusterApi, ClusterError, TRY_DEADLINE};
use crate::clock;

/// Longest answer to a question about the cluster itself.
const MAX_INFO: usize = 1024 * 1024;
/// Wait between two rounds over nodes that do not answer.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// One node's address as given to `init`: `URL` or `URL#CLUSTER_ID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub url: String,
    pub pin: Option<ClusterId>,
}

/// Reads `URL[#ID],URL[#ID],...`; at least one has to carry the cluster's id, and all the same.
///
/// # Errors
/// [`ClusterError::BadAddress`], with what to write instead.
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
                return Err(bad(
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
        Some(_) => Err(bad(text, "more nodes than a cluster can have")),
        None => Err(bad(
            text,
            "the cluster's fingerprint is missing; copy the whole URL that a node prints when it starts, from http to the end of the part after #",
        )),
    }
}

fn parse_address(text: &str) -> Result<Address, ClusterError> {
    let (url, pin) = match text.split_once('#') {
        None => (text, None),
        Some((url, pin)) => {
            let pin = pin.parse().map_err(|_| {
                bad(
                    text,
                    "the part after # has to be the cluster's fingerprint: 64 hex digits, as each node prints them when it starts",
                )
            })?;
            (url, Some(pin))
        }
    };
    let url = url.trim_end_matches('/').to_owned();
    check_url(&url)?;
    Ok(Address { url, pin })
}

/// Off this machine only TLS will do.
pub(super) fn check_url(url: &str) -> Result<(), ClusterError> {
    let parsed = reqwest::Url::parse(url)
        .map_err(|_| bad(url, "write it like https://node.example:7001"))?;
    if parsed.path() != "/" || parsed.query().is_some() {
        return Err(bad(url, "leave out everything after host and port"));
    }
    let host = parsed.host_str().unwrap_or_default();
    let here = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    match parsed.scheme() {
        "https" => Ok(()),
        "http" if here => Ok(()),
        "http" => Err(bad(url, "off this machine only https is spoken")),
        _ => Err(bad(
            url,
            "it has to begin with https:// (or http:// on this machine)",
        )),
    }
}

fn bad(url: &str, why: &str) -> ClusterError {
    ClusterError::BadAddress {
        url: url.to_owned(),
        why: why.to_owned(),
    }
}

impl ClusterApi {
    /// Who the cluster is, as one of its nodes tells and its descriptors prove.
    ///
    /// # Errors
    /// [`ClusterError::WrongCluster`] when the nodes that answer are another one's.
    pub async fn info(&self) -> Result<ClusterInfo, ClusterError> {
        let end = Instant::now() + self.inner.deadline;
        loop {
            let mut wrong = None;
            let urls = self.urls();
            for url in &urls {
                let asked = clock::now();
                match self.plain::<ClusterInfo>(url, paths::CLUSTER).await {
                    Ok(info) => match verify(url, &info, self.inner.cluster) {
                        Ok(()) => {
                            self.learn(url, &info, asked);
                            return Ok(info);
                        }
                        Err(error) => wrong = Some(error),
                    },
                    Err(ClusterError::Unreachable { .. }) => {}
                    Err(error) => wrong = Some(error),
                }
            }
            if Instant::now() + PAUSE >= end
                || matches!(wrong, Some(ClusterError::WrongCluster { .. }))
            {
                return Err(wrong.unwrap_or(ClusterError::Unreachable {
                    tried: urls.join(", "),
                }));
            }
            sleep(PAUSE).await;
        }
    }

    /// The voting nodes now: what a share is dealt to.
    ///
    /// # Errors
    /// As for [`ClusterApi::info`].
    pub async fn descriptor(&self) -> Result<Descriptor, ClusterError> {
        let mut info = self.info().await?;
        info.descriptors.pop().ok_or(ClusterError::Protocol {
            url: self.urls().join(", "),
            why: "it tells no descriptor".into(),
        })
    }

    /// What one node says of itself, without asking others.
    ///
    /// # Errors
    /// [`ClusterError::Unreachable`] or [`ClusterError::Protocol`].
    pub async fn status_of(&self, url: &str) -> Result<NodeStatus, ClusterError> {
        self.plain(url, paths::STATUS).await
    }

    /// Asks who the cluster is, once, before anything else is said to it.
    pub(super) async fn ready(&self) -> Result<(), ClusterError> {
        let verified = self.nodes().verified;
        if !verified {
            self.info().await?;
        }
        Ok(())
    }

    /// Takes the cluster's time from another node: best from neither the one that told it before
    /// nor the one that refused a call by its time. False when no node tells it before `end`.
    pub(super) async fn reset_clock(&self, refused_by: &str, end: Instant) -> bool {
        let told_by = self.nodes().clock_from.clone();
        let mut urls = self.urls();
        urls.sort_by_key(|url| (*url == told_by, url == refused_by));
        for url in urls {
            if Instant::now() >= end {
                return false;
            }
            let asked = clock::now();
            let told = self.plain::<ClusterInfo>(&url, paths::CLUSTER).await;
            if let Ok(info) = told
                && verify(&url, &info, self.inner.cluster).is_ok()
            {
                self.learn(&url, &info, asked);
                return true;
            }
        }
        false
    }

    /// The next call begins with this node.
    pub(super) fn prefer(&self, url: &str) {
        let mut nodes = self.nodes();
        if let Some(at) = nodes.urls.iter().position(|known| known == url) {
            let url = nodes.urls.remove(at);
            nodes.urls.insert(0, url);
        }
    }

    fn learn(&self, url: &str, info: &ClusterInfo, asked: Millis) {
        let mut nodes = self.nodes();
        for (_, told) in &info.nodes {
            let told = told.trim_end_matches('/').to_owned();
            if check_url(&told).is_ok()
                && !nodes.urls.contains(&told)
                && nodes.urls.len() < 2 * MAX_NODES
            {
                nodes.urls.push(told);
            }
        }
        nodes.by_id = info
            .nodes
            .iter()
            .map(|(id, url)| (*id, url.trim_end_matches('/').to_owned()))
            .filter(|(_, url)| check_url(url).is_ok())
            .collect();
        let here = asked.0.midpoint(clock::now().0);
        nodes.clock_offset =
            i64::try_from(info.now.0).unwrap_or(i64::MAX) - i64::try_from(here).unwrap_or(i64::MAX);
        url.clone_into(&mut nodes.clock_from);
        nodes.verified = true;
        drop(nodes);
        self.prefer(url);
    }

    /// A question that anyone may ask, to one node.
    async fn plain<A: serde::de::DeserializeOwned>(
        &self,
        url: &str,
        path: &str,
    ) -> Result<A, ClusterError> {
        let unreachable = || ClusterError::Unreachable {
            tried: url.to_owned(),
        };
        let strange = |why: String| ClusterError::Protocol {
            url: url.to_owned(),
            why,
        };
        let ask = async {
            let sent = self.inner.http.get(format!("{url}{path}")).send().await;
            let response = sent.map_err(|_| unreachable())?;
            let status = response.status();
            let bytes = collect(response, MAX_INFO)
                .await
                .map_err(|why| why.map_or_else(unreachable, strange))?;
            if status == reqwest::StatusCode::SERVICE_UNAVAILABLE {
                return Err(unreachable());
            }
            if !status.is_success() {
                return Err(strange(format!("status {status}")));
            }
            decode(url, &bytes)
        };
        timeout(TRY_DEADLINE, ask)
            .await
            .unwrap_or_else(|_| Err(unreachable()))
    }
}

/// The first descriptor's hash is the cluster's id. Later ones would need the signatures of a
/// majority of the one before, which this version neither writes nor reads: they are refused.
fn verify(url: &str, info: &ClusterInfo, pinned: ClusterId) -> Result<(), ClusterError> {
    let strange = |why: &str| ClusterError::Protocol {
        url: url.to_owned(),
        why: why.to_owned(),
    };
    let [first] = info.descriptors.as_slice() else {
        return Err(strange(
            "its nodes have changed in a way that this program cannot check; update cameo",
        ));
    };
    let wrong = |found| ClusterError::WrongCluster {
        url: url.to_owned(),
        found,
        pinned,
    };
    match first.founds() {
        Some(found) if found == pinned && info.cluster == pinned => {}
        Some(found) => return Err(wrong(found)),
        None => return Err(strange("its first descriptor founds no cluster")),
    }
    if first.version != DESCRIPTOR_VERSION
        || first.nodes.is_empty()
        || first.nodes.len() > MAX_NODES
    {
        return Err(strange("its descriptor is of another layout; update cameo"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cameo_common::cluster_descriptor::NodeIdentity;
    use cameo_common::ids::{Hash, NodeId};
    use cameo_common::keys::{PublicKey, SealingPublic};

    const ID: &str = "abababababababababababababababababababababababababababababababab";

    fn info() -> ClusterInfo {
        let node = NodeIdentity {
            id: NodeId(1),
            key: PublicKey([1; 32]),
            sealing: SealingPublic([2; 32]),
        };
        let descriptor = Descriptor::genesis(vec![node], Hash([3; 32]));
        ClusterInfo {
            schema: 1,
            cluster: descriptor.founds().unwrap(),
            descriptors: vec![descriptor],
            nodes: vec![],
            now: Millis::EPOCH,
        }
    }

    #[test]
    fn one_fingerprint_pins_all_addresses() {
        let text = format!("http://127.0.0.1:7001#{ID},http://127.0.0.1:7002/,http://[::1]:7003");
        let (pin, urls) = parse_addresses(&text).unwrap();
        assert_eq!(pin.to_string(), ID);
        assert_eq!(
            urls,
            [
                "http://127.0.0.1:7001",
                "http://127.0.0.1:7002",
                "http://[::1]:7003"
            ]
        );
    }

    #[test]
    fn addresses_that_cannot_be_trusted_are_refused() {
        let other = ID.replace('a', "c");
        for text in [
            "http://127.0.0.1:7001".to_owned(),
            format!("http://node.example:7001#{ID}"),
            format!("ftp://127.0.0.1#{ID}"),
            format!("http://127.0.0.1:1/v1#{ID}"),
            "http://127.0.0.1:1#abcd".to_owned(),
            format!("http://127.0.0.1:1#{ID},http://127.0.0.1:2#{other}"),
            String::new(),
        ] {
            assert!(
                matches!(parse_addresses(&text), Err(ClusterError::BadAddress { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn only_the_pinned_cluster_is_taken() {
        let good = info();
        assert_eq!(verify("u", &good, good.cluster), Ok(()));
        let pinned = ClusterId([9; 32]);
        assert!(matches!(
            verify("u", &good, pinned),
            Err(ClusterError::WrongCluster { .. })
        ));
        let liar = ClusterInfo {
            cluster: pinned,
            ..good
        };
        assert!(matches!(
            verify("u", &liar, pinned),
            Err(ClusterError::WrongCluster { .. })
        ));
    }

    #[test]
    fn descriptors_that_nobody_signed_are_refused() {
        let mut grown = info();
        let later = Descriptor {
            number: 1,
            previous: Some(grown.descriptors[0].hash()),
            ..grown.descriptors[0].clone()
        };
        grown.descriptors.push(later);
        assert!(matches!(
            verify("u", &grown, grown.cluster),
            Err(ClusterError::Protocol { .. })
        ));
    }
}
