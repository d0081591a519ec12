//! The links that a planned fault strikes.

use cameo_common::ids::NodeId;

use super::kind::Kind;
use super::planned::{Planned, Victims};

/// Connections that `from` opens to `to`, and what either sends over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    pub from: NodeId,
    pub to: NodeId,
}

impl Planned {
    /// The nodes that it strikes, with this leader; for groups, all nodes in them.
    #[must_use]
    pub fn nodes(&self, leader: Option<NodeId>) -> Vec<NodeId> {
        match &self.victims {
            Victims::Leader => vec![leader.unwrap_or(NodeId(1))],
            Victims::Nodes(nodes) => nodes.clone(),
            Victims::Groups(groups) => {
                let mut nodes = groups.concat();
                nodes.sort_unstable();
                nodes.dedup();
                nodes
            }
            Victims::Newcomer(node) => vec![*node],
        }
    }

    /// A bridge over the leader cuts nothing that is used: followers talk to the leader alone. Then
    /// it leads over another node, with which the leader changes places.
    #[must_use]
    pub fn past_the_leader(mut self, leader: Option<NodeId>) -> Self {
        let (Victims::Groups(groups), Some(leader)) = (&mut self.victims, leader) else {
            return self;
        };
        let groups_of = |groups: &[Vec<NodeId>], node: NodeId| {
            groups.iter().filter(|group| group.contains(&node)).count()
        };
        if self.kind != Kind::Bridge || groups_of(groups, leader) < 2 {
            return self;
        }
        let other = groups.concat().into_iter();
        let other = other.clone().find(|node| groups_of(groups, *node) == 1);
        for node in groups.iter_mut().flatten() {
            *node = match other {
                Some(other) if *node == leader => other,
                Some(other) if *node == other => leader,
                _ => *node,
            };
        }
        self
    }

    /// The links between `members` that a fault of the network strikes, with this leader. Clients
    /// are no members: a fault of their connections has no links.
    #[must_use]
    pub fn links(&self, members: &[NodeId], leader: Option<NodeId>) -> Vec<Link> {
        let nodes = self.nodes(leader);
        let strikes = |link: &Link| match (&self.victims, self.kind) {
            (_, Kind::ClientsCut) => false,
            (Victims::Groups(groups), _) => !groups
                .iter()
                .any(|group| group.contains(&link.from) && group.contains(&link.to)),
            (_, Kind::OneWay) => nodes.contains(&link.from),
            _ => nodes.contains(&link.from) || nodes.contains(&link.to),
        };
        let pairs = members.iter().flat_map(|from| {
            let to = members.iter().filter(move |to| *to != from);
            to.map(|to| Link {
                from: *from,
                to: *to,
            })
        });
        pairs.filter(strikes).collect()
    }
}
