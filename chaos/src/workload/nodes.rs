//! The nodes of a cluster, and the one that a client asks first.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Base URLs. The node that answered last is asked next.
#[derive(Debug)]
pub struct Nodes {
    urls: Vec<String>,
    preferred: AtomicUsize,
}

impl Nodes {
    /// Panics without a URL, which is a mistake of the caller.
    #[must_use]
    pub fn new(urls: Vec<String>) -> Self {
        assert!(!urls.is_empty(), "a cluster has nodes");
        Self {
            urls,
            preferred: AtomicUsize::new(0),
        }
    }

    /// The node to ask now.
    #[must_use]
    pub fn preferred(&self) -> &str {
        &self.urls[self.preferred.load(Ordering::Relaxed) % self.urls.len()]
    }

    /// Prefers this node from now on. An unknown URL changes nothing.
    pub fn prefer(&self, url: &str) {
        if let Some(at) = self.urls.iter().position(|known| known == url) {
            self.preferred.store(at, Ordering::Relaxed);
        }
    }

    /// Prefers the next node after this one, which does not answer; unless another is preferred
    /// already.
    pub fn avoid(&self, url: &str) {
        let at = self.preferred.load(Ordering::Relaxed);
        if self.urls[at % self.urls.len()] == url {
            let next = (at + 1) % self.urls.len();
            // Fails only when another caller has just done the same.
            let _ = self
                .preferred
                .compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_node_is_avoided_once() {
        let nodes = Nodes::new(vec!["a".into(), "b".into(), "c".into()]);
        assert_eq!(nodes.preferred(), "a");
        nodes.avoid("a");
        nodes.avoid("a");
        assert_eq!(nodes.preferred(), "b");
        nodes.prefer("c");
        nodes.prefer("unknown");
        assert_eq!(nodes.preferred(), "c");
        nodes.avoid("c");
        assert_eq!(nodes.preferred(), "a");
    }
}
