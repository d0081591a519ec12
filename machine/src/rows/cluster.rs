//! Who the cluster is, and what time its log has reached.

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, Millis};
use serde::{Deserialize, Serialize};

use super::{Kind, Row};

/// The latest time of all entries that were carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTime(pub Millis);

impl Row for LogTime {
    const KIND: Kind = Kind::LogTime;
    type Key = ();
}

/// That the cluster is founded, as which one, and which descriptor is current.
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
