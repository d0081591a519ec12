//! The network between nodes, and its faults.
//!
//! Where the rights are there, each node is a host of its own: a network namespace with one TUN
//! interface. Whatever it sends comes out of the interface's file in this process, and [`Switch`]
//! delivers it to the other's, or loses it, holds it, lets others overtake it, or counts its bytes
//! first: real IP packets, so the nodes' own TCP meets each fault. It needs the right to make
//! namespaces and interfaces, and no `tc netem`.
//!
//! Elsewhere the nodes are processes side by side, and what each advertises is the address of a
//! proxy in this process: see [`proxy`].

mod choice;
mod dialer;
mod links;
mod namespace;
mod packet;
mod proxy;
mod rule;
mod switch;

pub use choice::{Network, NetworkBy};
pub use dialer::Dialer;
pub use links::Links;
pub use namespace::Namespace;
pub use packet::{LINK_PORT, address};
pub use rule::Rule;
