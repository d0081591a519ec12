//! Address book of the nodes, for clients that call while nodes are replaced.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::NodeId;

/// The nodes that clients call, and the newest descriptor: shared by all clients, and changed when
/// a node has been replaced. The product's client learns both by the chain of descriptors.
#[derive(Debug)]
pub struct AddressBook {
    page: Mutex<Page>,
}

#[derive(Debug, Clone)]
struct Page {
    nodes: Vec<(NodeId, SocketAddr)>,
    descriptor: Descriptor,
}

impl AddressBook {
    pub fn new(nodes: Vec<(NodeId, SocketAddr)>, descriptor: Descriptor) -> Self {
        let page = Mutex::new(Page { nodes, descriptor });
        Self { page }
    }

    pub fn change(&self, nodes: Vec<(NodeId, SocketAddr)>, descriptor: Descriptor) {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Page { nodes, descriptor };
    }

    pub fn nodes(&self) -> Vec<(NodeId, SocketAddr)> {
        self.page().nodes
    }

    pub fn descriptor(&self) -> Descriptor {
        self.page().descriptor
    }

    fn page(&self) -> Page {
        let page = self.page.lock();
        page.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
