//! The nodes that a client may ask, and the one that it asks first.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Base URLs. Whoever answered last is asked next.
#[derive(Debug)]
pub struct Nodes {
    urls: Vec<String>,
    preferred: AtomicUsize,
}

impl Nodes {
    /// # Panics
    /// Without a URL: a mistake of the caller.
    #[must_use]
    pub fn new(urls: Vec<String>) -> Self {
        assert!(!urls.is_empty(), "there is a node to ask");
        Self {
            urls,
            preferred: AtomicUsize::new(0),
        }
    }

    /// The one to ask now.
    #[must_use]
    pub fn preferred(&self) -> &str {
        &self.urls[self.preferred.load(Ordering::Relaxed) % self.urls.len()]
    }

    /// Asks this one first from now on; a URL that is none of these changes nothing.
    pub fn prefer(&self, url: &str) {
        if let Some(at) = self.urls.iter().position(|known| known == url) {
            self.preferred.store(at, Ordering::Relaxed);
        }
    }

    /// This one does not answer: the next one is asked, unless somebody has turned to another already.
    pub fn turn_from(&self, url: &str) {
        let at = self.preferred.load(Ordering::Relaxed);
        if self.urls[at % self.urls.len()] == url {
            let next = (at + 1) % self.urls.len();
            // Lost only to somebody who did the same.
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
    fn a_silent_node_is_turned_from_once() {
        let nodes = Nodes::new(vec!["a".into(), "b".into(), "c".into()]);
        assert_eq!(nodes.preferred(), "a");
        nodes.turn_from("a");
        nodes.turn_from("a");
        assert_eq!(nodes.preferred(), "b");
        nodes.prefer("c");
        nodes.prefer("elsewhere");
        assert_eq!(nodes.preferred(), "c");
        nodes.turn_from("c");
        assert_eq!(nodes.preferred(), "a");
    }
}
