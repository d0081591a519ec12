//! Requests of one connection: passes them to the router, and notes what the connection does.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body as AxumBody;
use axum::response::Response;
use cameo_common::keys::PublicKey;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::Request;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::connections::{Phase, Seat};

/// The key that the client has proved by TLS; an extension of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsPeer(pub PublicKey);
/// The address that counts as one client's, of the connection that a request came over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSource(pub IpAddr);

/// The service of one connection.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    router: TowerToHyperService<Router>,
    seat: Arc<Seat>,
    peer: Option<TlsPeer>,
}

impl Requests {
    pub fn new(router: Router, seat: Arc<Seat>, peer: Option<TlsPeer>) -> Self {
        Self {
            router: TowerToHyperService::new(router),
            seat,
            peer,
        }
    }
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Reply>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let turn = Turn::begin(&self.seat);
        let mut request = request.map(|body| Received {
            seat: Arc::clone(&self.seat),
            body,
        });
        let extensions = request.extensions_mut();
        extensions.insert(ClientSource(self.seat.source()));
        if let Some(peer) = self.peer {
            extensions.insert(peer);
        }
        if request.body().is_end_stream() {
            self.seat.received();
        }
        let answer = self.router.call(request);
        Box::pin(answer.map(|answered| {
            answered.map(|response| response.map(|body| Reply { body, _turn: turn }))
        }))
    }
}

/// The time from a request's head to the end of its reply.
#[derive(Debug)]
struct Turn(Arc<Seat>);

impl Turn {
    fn begin(seat: &Arc<Seat>) -> Self {
        seat.enter(Phase::Receiving);
        Self(Arc::clone(seat))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.enter(Phase::Idle);
    }
}

/// The body of a request.
#[derive(Debug)]
struct Received {
    body: Incoming,
    seat: Arc<Seat>,
}

impl Body for Received {
    type Data = <Incoming as Body>::Data;
    type Error = <Incoming as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if self.body.is_end_stream() || frame.is_none() {
            self.seat.received();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a reply.
#[derive(Debug)]
pub(super) struct Reply {
    body: AxumBody,
    _turn: Turn,
}

impl Body for Reply {
    type Data = <AxumBody as Body>::Data;
    type Error = <AxumBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
