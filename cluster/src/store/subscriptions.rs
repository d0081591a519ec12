//! Those who are told of applied changes: of a user's rows, or of all sessions.
//!
//! A change wakes only the tasks that wait for its user, however many others there are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cameo_common::ids::UserName;
use cameo_machine::SessionChange;
use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};

/// Batches of entries with changes of sessions that a subscriber may lag behind, before it has to
/// read all sessions again.
const SESSIONS_BACKLOG: usize = 1024;

/// What a batch of entries has changed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Whose event rows or sessions have changed. A name may be there more than once.
    pub users: Vec<UserName>,
    /// In the order of the log.
    pub sessions: Vec<SessionChange>,
}

impl Touched {
    pub fn add(&mut self, later: Self) {
        self.users.extend(later.users);
        self.sessions.extend(later.sessions);
    }
}

/// News of sessions, after they are in the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionNews {
    /// In the order of the log.
    Changed(Arc<[SessionChange]>),
    /// A snapshot has replaced the state.
    Replaced,
}

/// The subscribers of one state.
#[derive(Debug)]
pub struct Subscriptions {
    /// Of users with a subscriber. In order, so that the simulator repeats who is told first.
    users: Mutex<BTreeMap<UserName, watch::Sender<()>>>,
    sessions: broadcast::Sender<SessionNews>,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self {
            users: Mutex::default(),
            sessions: broadcast::Sender::new(SESSIONS_BACKLOG),
        }
    }
}

impl Subscriptions {
    /// Subscribes to a user's event rows and sessions.
    #[must_use]
    pub fn user(self: &Arc<Self>, user: UserName) -> UserSubscription {
        let changes = {
            let mut users = self.users.lock();
            users.entry(user.clone()).or_default().subscribe()
        };
        UserSubscription {
            user,
            changes: Some(changes),
            of: Arc::clone(self),
        }
    }

    /// Subscribes to the changes of all sessions. A receiver that lags has to read them again.
    #[must_use]
    pub fn sessions(&self) -> broadcast::Receiver<SessionNews> {
        self.sessions.subscribe()
    }

    /// Tells what is in the state from now on.
    pub(crate) fn tell(&self, touched: Touched) {
        if !touched.users.is_empty() {
            let users = self.users.lock();
            for user in &touched.users {
                if let Some(sender) = users.get(user) {
                    sender.send_replace(());
                }
            }
        }
        if !touched.sessions.is_empty() {
            self.tell_of_sessions(SessionNews::Changed(touched.sessions.into()));
        }
    }

    /// Tells everybody that a snapshot has replaced the state.
    pub(crate) fn tell_all(&self) {
        for sender in self.users.lock().values() {
            sender.send_replace(());
        }
        self.tell_of_sessions(SessionNews::Replaced);
    }

    fn tell_of_sessions(&self, news: SessionNews) {
        // Without subscribers nothing is lost: who subscribes reads the rows.
        drop(self.sessions.send(news));
    }
}

/// One task's subscription to a user.
pub struct UserSubscription {
    user: UserName,
    /// `None` only while it is dropped.
    changes: Option<watch::Receiver<()>>,
    of: Arc<Subscriptions>,
}

impl UserSubscription {
    /// Waits until rows of the user may have changed since the last call, or since it subscribed.
    pub async fn changed(&mut self) {
        if let Some(changes) = &mut self.changes
            && changes.changed().await.is_ok()
        {
            return;
        }
        // The sender stays while there is a receiver.
        std::future::pending::<()>().await;
    }
}

impl fmt::Debug for UserSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserSubscription to {}", self.user)
    }
}

impl Drop for UserSubscription {
    fn drop(&mut self) {
        let mut users = self.of.users.lock();
        // Under the lock, so that of two that end at once the second sees no other.
        self.changes = None;
        let sender = users.get(&self.user);
        if sender.is_some_and(|sender| sender.receiver_count() == 0) {
            users.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::keys::PublicKey;
    use futures_util::FutureExt;

    use super::*;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    fn of(users: &[&str]) -> Touched {
        Touched {
            users: users.iter().map(|user| name(user)).collect(),
            sessions: Vec::new(),
        }
    }

    fn is_told(subscription: &mut UserSubscription) -> bool {
        subscription.changed().now_or_never().is_some()
    }

    #[test]
    fn a_change_is_told_to_the_subscribers_of_its_user_alone_and_once() {
        // given two subscribers to Ada, and one to Bob
        let subscriptions = Arc::new(Subscriptions::default());
        let mut ada = [0; 2].map(|_| subscriptions.user(name("ada")));
        let mut bob = subscriptions.user(name("bob"));
        assert!(!ada.iter_mut().any(is_told));
        // when rows of Ada and of Cyd change, then Ada's subscribers are told once
        subscriptions.tell(of(&["ada", "cyd", "ada"]));
        assert!(ada.iter_mut().all(is_told));
        assert!(!ada.iter_mut().any(is_told));
        assert!(!is_told(&mut bob));
        // and all, when the state is replaced
        subscriptions.tell_all();
        assert!(ada.iter_mut().all(is_told));
        assert!(is_told(&mut bob));
    }

    #[test]
    fn a_user_without_subscribers_is_forgotten() {
        let subscriptions = Arc::new(Subscriptions::default());
        let one = subscriptions.user(name("ada"));
        let mut other = subscriptions.user(name("ada"));
        drop(one);
        subscriptions.tell(of(&["ada"]));
        assert!(is_told(&mut other));
        drop(other);
        assert!(subscriptions.users.lock().is_empty());
    }

    #[test]
    fn changes_of_sessions_are_told_in_order() {
        let subscriptions = Subscriptions::default();
        let mut sessions = subscriptions.sessions();
        let change = |epoch| SessionChange {
            device: PublicKey([1; 32]),
            epoch,
            runs: true,
        };
        subscriptions.tell(of(&["ada"]));
        for epoch in [1, 2] {
            subscriptions.tell(Touched {
                users: vec![name("ada")],
                sessions: vec![change(epoch)],
            });
        }
        subscriptions.tell_all();
        for epoch in [1, 2] {
            let news = sessions.try_recv().unwrap();
            assert_eq!(news, SessionNews::Changed([change(epoch)].into()));
        }
        assert_eq!(sessions.try_recv().unwrap(), SessionNews::Replaced);
        assert!(sessions.try_recv().is_err());
    }
}
