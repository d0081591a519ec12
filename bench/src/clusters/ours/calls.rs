//! The clients of a window.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use cameo_chaos::statements::View;
use cameo_common::api::{EndSession, paths};
use cameo_common::ids::{ClusterId, NodeId, UserName};
use cameo_common::op::Op;
use cameo_common::rights::MAX_PERMITTED;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::Request;

use super::connection::Connection;
use super::grant::Grant;
use super::people::Person;
use crate::clusters::caller::Caller;

/// Calls of one request each, made by a rule.
pub struct Requests {
    connection: Connection,
    make: Make,
    ready: VecDeque<Request<Full<Bytes>>>,
}

type Make = Box<dyn Fn(&Connection) -> anyhow::Result<Request<Full<Bytes>>> + Send + Sync>;

impl Requests {
    /// Ends a session that never was: the lightest command. It is an entry of the log like any
    /// other, its signature is verified by every replica, and its reply is kept for repetitions.
    pub fn writes(connection: Connection, cluster: ClusterId, person: Arc<Person>) -> Self {
        Self::new(connection, move |connection| {
            let body = EndSession { epoch: 0 };
            let proof = person.authorize(cluster, &Op::from(&body));
            connection.post(paths::END_SESSION, Some(&proof), &body)
        })
    }

    /// Charges views of a grant of its own.
    pub fn debits(connection: Connection, grant: Grant, viewer: Arc<Person>) -> Self {
        Self::new(connection, move |connection| {
            let (path, body) = grant.debit(&grant.view(&viewer));
            connection.post(&path, None, &body)
        })
    }

    /// Looks a user up: a linearizable read.
    pub fn look_ups(connection: Connection, name: &UserName) -> Self {
        let path = paths::fill(paths::USER, name);
        Self::new(connection, move |connection| connection.get(&path))
    }

    fn new(
        connection: Connection,
        make: impl Fn(&Connection) -> anyhow::Result<Request<Full<Bytes>>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            connection,
            make: Box::new(make),
            ready: VecDeque::new(),
        }
    }

    async fn next(&mut self) -> anyhow::Result<()> {
        let request = match self.ready.pop_front() {
            Some(request) => request,
            None => (self.make)(&self.connection)?,
        };
        self.connection.send(request).await.map(drop)
    }
}

impl Caller for Requests {
    fn prepare(&mut self, calls: usize) -> anyhow::Result<()> {
        let calls = calls.min(MAX_PERMITTED as usize);
        let made = (0..calls).map(|_| (self.make)(&self.connection));
        self.ready = made.collect::<anyhow::Result<_>>()?;
        Ok(())
    }

    fn call(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        self.next().boxed()
    }
}

/// Whole views of a grant of its own.
pub struct WholeView {
    pub viewer: Arc<Person>,
    pub grant: Grant,
    pub nodes: Vec<(NodeId, Connection)>,
    pub ready: VecDeque<View>,
}

impl WholeView {
    async fn next(&mut self) -> anyhow::Result<()> {
        let made = self.ready.pop_front();
        let view = made.unwrap_or_else(|| self.grant.view(&self.viewer));
        self.grant.open(&view, &mut self.nodes).await.map(drop)
    }
}

impl Caller for WholeView {
    fn prepare(&mut self, calls: usize) -> anyhow::Result<()> {
        let calls = calls.min(MAX_PERMITTED as usize);
        self.ready = (0..calls).map(|_| self.grant.view(&self.viewer)).collect();
        Ok(())
    }

    fn call(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        self.next().boxed()
    }
}
