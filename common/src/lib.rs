//! Cameo's pure parts: what a node, a client and a judge have to agree on to the byte.
//!
//! No tokio, no sockets, no clock; randomness is handed in.

pub mod codec;
