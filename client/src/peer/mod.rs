//! Peer to peer: agents talk to each other directly.
