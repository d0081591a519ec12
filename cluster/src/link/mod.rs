//! Node links: authenticated, encrypted, length-prefixed frames between nodes.
