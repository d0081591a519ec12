//! Places for what costs a stranger nothing: connections, and requests that have not arrived.
//!
//! A new one always gets a place, if need be the oldest one's. What is honest is used at once or
//! arrives within milliseconds, so however many others are slow, they keep nobody out.

use std::collections::VecDeque;

use tokio::sync::oneshot;

/// The places, oldest first.
#[derive(Debug)]
pub struct Places {
    limit: usize,
    taken: VecDeque<oneshot::Sender<()>>,
}

/// A place; resolves when it is evicted, and is free when it is dropped.
pub type Place = oneshot::Receiver<()>;

impl Places {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            taken: VecDeque::new(),
        }
    }

    pub fn take(&mut self) -> Place {
        self.taken.retain(|evict| !evict.is_closed());
        if self.taken.len() >= self.limit
            && let Some(oldest) = self.taken.pop_front()
        {
            // It may be free by now.
            let _evicted = oldest.send(());
        }
        let (evict, place) = oneshot::channel();
        self.taken.push_back(evict);
        place
    }
}
