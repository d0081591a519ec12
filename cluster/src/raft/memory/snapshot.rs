//! Snapshots of a `MemoryDisk`.

use std::fmt;
use std::sync::Arc;

use cameo_common::wire;
use cameo_machine::LtHash;
use cameo_mutant::{Mutant, is_planted};
use openraft::Snapshot;
use openraft::type_config::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf};

use super::content::Content;
use crate::certificate::{Certificate, NotCertified, StatePoint, Voters};
use crate::consensus_types::TypeConfig;
use crate::store::Applied;

/// A snapshot's content, with its certificate if it has one.
#[derive(Clone)]
pub struct MemorySnapshot {
    content: Arc<Content>,
    certificate: Option<Arc<Certificate>>,
}

impl fmt::Debug for MemorySnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "snapshot of {} rows", self.content.rows.0.len())
    }
}

impl MemorySnapshot {
    pub(super) fn of(content: &Content) -> Self {
        let mut content = content.clone();
        if is_planted(Mutant::RetryTableLostInSnapshot) {
            let rows = &mut content.rows.0;
            rows.retain(|key, _| !cameo_machine::is_of_retry_table(key));
        }
        Self {
            content: Arc::new(content),
            certificate: None,
        }
    }

    pub(super) fn content(&self) -> Content {
        (*self.content).clone()
    }

    pub(super) fn applied(&self) -> Option<LogIdOf<TypeConfig>> {
        self.content.applied
    }

    pub(super) fn is_certified(&self) -> bool {
        self.certificate.is_some()
    }

    pub(super) fn certified_by(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(Arc::new(certificate));
        self
    }

    /// What the voters sign of it; None before any entry. `rows` is the sum of the state that it
    /// was made of.
    pub(super) fn point(&self, rows: &LtHash) -> Option<StatePoint> {
        // All nodes of a run have the bug.
        if is_planted(Mutant::RetryTableLostInSnapshot) {
            return point_of(&self.content, &self.content.sum());
        }
        point_of(&self.content, rows)
    }

    /// The bytes by which it travels: the content, then the certificate.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let certificate = self.certificate.as_ref().map(|it| it.encode());
        wire::encode(&(&*self.content, certificate))
    }

    /// The snapshot in these bytes, if the voters have signed it.
    pub(super) fn from_bytes(bytes: &[u8], voters: &Voters) -> Result<Self, NotCertified> {
        let (content, certificate): (Content, Option<Vec<u8>>) =
            wire::decode(bytes).map_err(|_| NotCertified::Unreadable)?;
        let certificate = certificate.map(|bytes| Certificate::decode(&bytes));
        let certificate = certificate.transpose();
        let certificate = certificate.map_err(|_| NotCertified::Unreadable)?;
        let point = point_of(&content, &content.sum()).ok_or(NotCertified::None)?;
        voters.check(certificate.as_ref(), &point)?;
        Ok(Self {
            content: Arc::new(content),
            certificate: certificate.map(Arc::new),
        })
    }

    pub(super) fn with_meta(self) -> SnapshotOf<TypeConfig, MemorySnapshot> {
        Snapshot {
            meta: SnapshotMetaOf::<TypeConfig> {
                last_log_id: self.content.applied,
                last_membership: self.content.membership.clone(),
            },
            snapshot: self,
        }
    }
}

fn point_of(content: &Content, rows: &LtHash) -> Option<StatePoint> {
    let applied = Applied {
        log_id: content.applied,
        membership: content.membership.clone(),
    };
    applied.point(&rows.hash().0)
}
