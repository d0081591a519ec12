//! Lines for the operator while a verb waits.

use std::fmt;
use std::time::Duration;

use cameo_common::api::OperatorCommand;
use cameo_common::ids::RequestId;
use tokio::time::sleep;

use super::client::{OperatorClient, OrderError};

/// Time after which the operator is told what a verb waits for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where lines for the operator go: stderr.
#[derive(Clone, Copy)]
pub struct Tell<'a>(pub &'a dyn Fn(&str));

impl Tell<'_> {
    /// Does a part of a verb. Says once what it waits for, if that takes long.
    pub(crate) async fn waiting<T>(self, what: &str, part: impl Future<Output = T>) -> T {
        self.waiting_over(PATIENCE, what, part).await
    }

    async fn waiting_over<T>(
        self,
        patience: Duration,
        what: &str,
        part: impl Future<Output = T>,
    ) -> T {
        let mut part = std::pin::pin!(part);
        tokio::select! {
            biased;
            done = &mut part => return done,
            () = sleep(patience) => (self.0)(what),
        }
        part.await
    }

    /// Gives an order: see [`OperatorClient::order`].
    pub(crate) async fn order(
        self,
        client: &OperatorClient,
        command: &OperatorCommand,
        request: RequestId,
    ) -> Result<(), OrderError> {
        let what = format!(
            "waiting until {} of the cluster's voters have the order, for {} s at most",
            client.needed(),
            client.deadline().as_secs()
        );
        self.waiting(&what, client.order(command, request)).await
    }
}

impl fmt::Debug for Tell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tell(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn given_a_verb_when_it_waits_long_then_it_says_once_for_what() {
        let (lines, said) = (RefCell::new(Vec::new()), Notify::new());
        let tell = |line: &str| {
            lines.borrow_mut().push(line.to_owned());
            said.notify_one();
        };
        let tell = Tell(&tell);
        let quick = tell.waiting_over(Duration::ZERO, "waiting for node 1", async { 1 });
        assert_eq!(quick.await, 1);
        assert!(lines.borrow().is_empty());
        // a part that ends only after the line
        let slow = tell.waiting_over(Duration::from_millis(1), "waiting for node 2", async {
            said.notified().await;
            2
        });
        assert_eq!(slow.await, 2);
        assert_eq!(*lines.borrow(), ["waiting for node 2"]);
    }
}
