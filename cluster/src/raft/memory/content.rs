//! The rows of a state, with the entry and the membership that they belong to.

use cameo_machine::{LtHash, MapView};
use openraft::type_config::alias::{LogIdOf, StoredMembershipOf};
use serde::{Deserialize, Serialize};

use crate::consensus_types::TypeConfig;

/// The state, with what it was made from.
#[derive(Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Content {
    pub applied: Option<LogIdOf<TypeConfig>>,
    pub membership: StoredMembershipOf<TypeConfig>,
    #[serde(with = "rows")]
    pub rows: MapView,
}

impl Content {
    /// The digest of the rows.
    pub fn sum(&self) -> LtHash {
        let rows = self.rows.0.iter();
        LtHash::of(rows.map(|(key, value)| (key.as_slice(), value.as_slice())))
    }
}

mod rows {
    use std::collections::BTreeMap;

    use cameo_machine::MapView;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(rows: &MapView, to: S) -> Result<S::Ok, S::Error> {
        rows.0.serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<MapView, D::Error> {
        BTreeMap::deserialize(from).map(MapView)
    }
}
