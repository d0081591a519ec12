//! A network of hosts in namespaces, joined by a switch of our own.
//!
//! Each node has a network namespace with one TUN interface. Whatever it sends comes out of the
//! interface's file in this process, and [`Switch`] delivers it to the other's, or loses it, holds
//! it, lets others overtake it, or counts its bytes first: real IP packets, so the nodes' own TCP
//! meets each fault. It needs the right to make namespaces and interfaces, and no `tc netem`.

mod dialer;
mod namespace;
mod packet;
mod rule;
mod switch;

pub use dialer::Dialer;
pub use namespace::Namespace;
pub use packet::{LINK_PORT, address};
pub use rule::Rule;
pub use switch::Switch;
