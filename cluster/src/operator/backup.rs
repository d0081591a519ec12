//! The operator's order of a backup, and the answer of one node.

use std::collections::BTreeMap;

use axum::http::Method;
use bytes::Bytes;
use cameo_common::api::{NodeStatus, OPERATOR_HEADER, paths};
use cameo_common::keys::PublicKey;
use cameo_common::operator::BackupOrder;
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;

use super::call::{Call, send};
use super::client::{ORDER_LIFE, OperatorClient, OrderError};
use super::download::{self, Download, DownloadError};
use super::outcome::{VerbError, request_id};
use super::refusal::shortly;

impl OperatorClient {
    /// An index up to which the cluster has acknowledged entries. As many nodes as a majority have
    /// it or a later one: fewer liars than that cannot raise it, nor lower it.
    ///
    /// # Errors
    /// When too few nodes answer.
    pub async fn acknowledged(&self) -> Result<u64, OrderError> {
        let call = Call {
            method: Method::GET,
            path: paths::STATUS,
            header: None,
            body: Bytes::new(),
        };
        let mut committed = Vec::new();
        let mut failures = Vec::new();
        for url in self.urls() {
            match send(url, &call, self.ends()).await {
                Ok(answer) => match serde_json::from_slice::<NodeStatus>(&answer.body) {
                    Ok(status) => committed.push((answer.node, status.committed)),
                    Err(_) => failures.push(format!("{url} does not tell its status")),
                },
                Err(error) => failures.push(error.to_string()),
            }
        }
        let enough = told_by_enough(committed, self.needed());
        enough.ok_or_else(|| OrderError::NoMajority(failures.join("; ")))
    }

    /// Orders a backup at one node; the inner error says why it sends none.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub async fn begin_backup(&self, url: &str) -> Result<Result<Download, String>, VerbError> {
        let order = BackupOrder {
            operator: self.key().public(),
            cluster: self.address().cluster,
            request: request_id()?,
            not_after: self.now().plus(ORDER_LIFE),
        };
        let signed = Signed::new(self.key(), order);
        let call = Call {
            method: Method::POST,
            path: paths::BACKUP,
            header: Some((OPERATOR_HEADER, BASE64URL_NOPAD.encode(signed.as_bytes()))),
            body: Bytes::new(),
        };
        let begun = download::begin(url, &call, self.ends()).await;
        Ok(begun.map_err(|error| match error {
            DownloadError::Call(error) => error.to_string(),
            DownloadError::Refused(refusal) => format!("{url} {}", shortly(&refusal)),
        }))
    }
}

/// The highest index that so many nodes, or more, have told at least. None with fewer nodes.
fn told_by_enough(told: Vec<(PublicKey, u64)>, needed: usize) -> Option<u64> {
    let mut highest: BTreeMap<PublicKey, u64> = BTreeMap::new();
    for (node, index) in told {
        let known = highest.entry(node).or_default();
        *known = index.max(*known);
    }
    let mut indexes: Vec<u64> = highest.into_values().collect();
    indexes.sort_unstable_by(|one, other| other.cmp(one));
    indexes.get(needed.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(indexes: &[(u8, u64)]) -> Option<u64> {
        let of = |(node, index): &(u8, u64)| (PublicKey([*node; 32]), *index);
        told_by_enough(indexes.iter().map(of).collect(), 2)
    }

    #[test]
    fn attack_one_nodes_word_makes_no_backup_too_old_and_no_old_one_new() {
        assert_eq!(told(&[(1, 90), (2, 91), (3, 92)]), Some(91));
        // one of three tells what it likes
        assert_eq!(told(&[(1, 90), (2, 91), (3, u64::MAX)]), Some(91));
        assert_eq!(told(&[(1, 90), (2, 91), (3, 0)]), Some(90));
        // and counts once, at however many addresses it answers
        assert_eq!(
            told(&[(3, u64::MAX), (3, u64::MAX), (2, 91), (1, 90)]),
            Some(91)
        );
        assert_eq!(told(&[(3, 9), (3, 9)]), None);
    }
}
