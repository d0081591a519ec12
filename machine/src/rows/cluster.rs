//! Rows of the cluster: log time, identity and descriptors.

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, Millis};
use serde::{Deserialize, Serialize};

use super::{Kind, Row};

/// The greatest time of all entries that were carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTime(pub Millis);

impl Row for LogTime {
    const KIND: Kind = Kind::LogTime;
    type Key = ();
}

/// The identity of a founded cluster, and its current descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founded {
    pub cluster: ClusterId,
    /// Number of the current descriptor.
    pub current: u64,
}

impl Row for Founded {
    const KIND: Kind = Kind::Founded;
    type Key = ();
}

/// A descriptor, by its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescriptorRow(pub Descriptor);

impl Row for DescriptorRow {
    const KIND: Kind = Kind::Descriptor;
    type Key = u64;
}
