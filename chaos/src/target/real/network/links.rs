//! The carriers of links between nodes, which carry badly when they are told to.

use std::sync::Arc;

use cameo_common::ids::NodeId;

use super::proxy::Proxies;
use super::rule::{Counts, Rule};
use super::switch::Switch;
use crate::faults::{Kind, Link};

/// The network between the nodes of one run. Clones are of the same network.
#[derive(Debug, Clone)]
pub enum Links {
    /// Packets between namespaces.
    Switch(Arc<Switch>),
    /// Byte streams between processes of this machine.
    Proxies(Arc<Proxies>),
}

impl Links {
    /// Puts a rule on these links.
    pub fn set(&self, links: &[Link], rule: Rule) {
        match self {
            Self::Switch(switch) => switch.set(links, rule),
            Self::Proxies(proxies) => proxies.set(links, rule),
        }
    }

    /// What has happened on these links so far.
    #[must_use]
    pub fn counts(&self, links: &[Link]) -> Counts {
        match self {
            Self::Switch(switch) => switch.counts(links),
            Self::Proxies(proxies) => proxies.counts(links),
        }
    }

    /// What is counted.
    #[must_use]
    pub fn carried(&self) -> &'static str {
        match self {
            Self::Switch(_) => "packets",
            Self::Proxies(_) => "chunks",
        }
    }

    /// Why they cannot have a fault of this kind; None if they can.
    #[must_use]
    pub fn why_not(&self, kind: Kind) -> Option<&'static str> {
        match (self, kind) {
            (Self::Proxies(_), Kind::Reorder) => {
                Some("a proxy carries byte streams, in which nothing overtakes anything")
            }
            _ => None,
        }
    }

    /// Starts the process of a node. `start` gives its id.
    ///
    /// # Errors
    /// Those of `start`.
    pub fn launch<E>(
        &self,
        node: NodeId,
        start: impl FnOnce() -> Result<Option<u32>, E>,
    ) -> Result<(), E> {
        match self {
            Self::Switch(_) => start().map(|_| ()),
            Self::Proxies(proxies) => proxies.launch(node, start),
        }
    }
}
