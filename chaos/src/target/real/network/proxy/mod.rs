//! A proxy for each link between nodes, where there are no namespaces.
//!
//! A node advertises an address of ours, and listens on one that only this process uses. The links
//! are mutual TLS, so a proxy cannot read them, and does not have to: it looks up which process has
//! the other end of a connection, and that is the node that has opened the link. It carries bytes
//! in chunks, each under the rule of its link at that moment:
//!
//! - a link that is cut stands still, as behind a packet filter that drops: it neither refuses nor
//!   closes. What was sent meanwhile arrives afterwards, as by TCP's retransmissions.
//! - a lost packet is a chunk that waits for its retransmission, and all that is behind it.
//! - nothing overtakes: a byte stream has an order.
//!
//! What a kernel does at the end of a process goes through, in its order: the end of a stream as an
//! end, a reset as a reset. A node that does not run resets who opens a link to it; a kernel would
//! refuse.

mod chunk;
mod connection;
mod link_state;
mod opener;
mod pipe;
mod proxies;
#[cfg(test)]
mod tests;

pub use proxies::Proxies;
