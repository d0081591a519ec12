//! A host of the test cluster: what survives the processes of a node.

use std::path::PathBuf;
use std::sync::Arc;

use cameo_common::descriptor_chain::{DescriptorLink, Descriptors};
use cameo_common::ids::{Millis, NodeId};
use cameo_common::keys::SigningKey;
use cameo_common::registration::RegistrationMode;
use cameo_common::wire;

use super::app::{KeyAndTime, LINK, PASS, Reports, SkewedClock, TimeFirst};
use crate::host::disk_space::tests::Told;
use crate::host::disk_space::{DiskSpace, Reserve};
use crate::link::NodeKeys;
use crate::raft::memory::MemoryDisk;
use crate::raft::*;

/// The deps of a node that survive its process.
pub struct Host {
    pub data: PathBuf,
    /// Address of its links.
    pub link: String,
    pub disk: MemoryDisk,
    pub keys: Arc<NodeKeys>,
    pub secret: Vec<u8>,
    /// With which it joins, if it is a worker.
    pub pass: Vec<u8>,
    pub terms: GenesisTerms,
    pub clock: Arc<SkewedClock>,
    pub reports: Arc<Reports>,
    /// Which process it says that it is, always; a fresh one at each start if there is none.
    pub incarnation: Option<u64>,
    /// Free bytes of its disk.
    pub free: Arc<Told>,
    pub space: Arc<DiskSpace>,
}

impl Host {
    /// The time of the newest row.
    pub fn applied_time(&self) -> AppliedTime {
        let disk = self.disk.clone();
        Arc::new(move || {
            let rows = disk.rows().0;
            let times = rows.values().filter_map(|time| TimeFirst.time_of(time));
            times.max().unwrap_or(Millis(0))
        })
    }

    /// The descriptors among its rows.
    pub fn descriptors(&self) -> Arc<dyn AppliedDescriptors> {
        Arc::new(InRows(self.disk.clone()))
    }

    /// Fills its disk, or frees all of it.
    pub fn set_full(&self, is_full: bool) {
        self.free.set(if is_full { 0 } else { u64::MAX });
        self.space.measure();
    }

    /// Empties the node's disk; its key stays.
    pub fn empty(&mut self) {
        std::fs::remove_dir_all(&self.data).unwrap();
        std::fs::create_dir(&self.data).unwrap();
        self.disk = MemoryDisk::new(Arc::new(KeyAndTime));
    }
}

/// The operator's key.
pub fn operator_key() -> SigningKey {
    SigningKey::from_seed([8; 32])
}

/// The links that were proposed as commands.
struct InRows(MemoryDisk);

impl InRows {
    fn links(&self) -> Vec<DescriptorLink> {
        let rows = self.0.rows().0;
        let links = rows.keys().filter_map(|key| key.strip_prefix(LINK));
        let mut links: Vec<DescriptorLink> =
            links.map(|link| wire::decode(link).unwrap()).collect();
        links.sort_by_key(|link| link.descriptor.number);
        links
    }
}

impl AppliedDescriptors for InRows {
    fn number(&self) -> Option<u64> {
        Some(self.links().last().map_or(0, |link| link.descriptor.number))
    }

    fn descriptors(&self) -> Option<Descriptors> {
        let links = self.links();
        // Nobody asks for the first, which is the genesis's.
        let first = links.first()?.descriptor.clone();
        Some(Descriptors { first, links })
    }
}

pub fn host(root: &std::path::Path, id: NodeId, link: String) -> Host {
    let data = root.join(id.to_string());
    std::fs::create_dir_all(&data).unwrap();
    let free = Told::new(u64::MAX);
    let space = DiskSpace::around(data.clone(), free.clone(), Reserve::Default);
    Host {
        free,
        space,
        data,
        link,
        disk: MemoryDisk::new(Arc::new(KeyAndTime)),
        keys: Arc::new(NodeKeys::generate().unwrap()),
        secret: b"the secret of the test cluster".to_vec(),
        pass: PASS.to_vec(),
        terms: GenesisTerms {
            operator: operator_key().public(),
            registration: RegistrationMode::Open,
            predecessor: None,
        },
        clock: Arc::default(),
        reports: Arc::default(),
        incarnation: None,
    }
}
