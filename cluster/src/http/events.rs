//! `GET /v1/events`: the event stream as server-sent events.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use axum::{Extension, Router};
use cameo_common::api::{ErrorCode, paths};
use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use futures_util::{Stream, stream};
use serde::Deserialize;
use tokio::time::Instant;

use super::auth::Called;
use super::body::InQuery;
use super::serve::ClientSource;
use super::{Api, Fault};
use crate::event_stream::{EndReason, EventStream, StreamItem, StreamRequest};
use crate::raft::CALL_DEADLINE;
use cameo_machine::{Refusal, read};

/// Of streams that did not come over a connection of the port: they share one place.
const UNKNOWN_SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

pub(super) fn routes() -> Router<Api> {
    Router::new().route(paths::EVENTS, get(follow))
}

/// `?after=SEQUENCE`: the newest sequence that the client has, 0 for none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    #[serde(default)]
    after: u64,
}

async fn follow(
    State(api): State<Api>,
    InQuery(Token { after }): InQuery<Token>,
    source: Option<Extension<ClientSource>>,
    Called(caller): Called,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Fault> {
    let epoch = epoch(&api, &caller.user, &caller.device, after).await?;
    let request = StreamRequest {
        user: caller.user,
        device: caller.device,
        epoch,
        after,
        source: source.map_or(UNKNOWN_SOURCE, |Extension(ClientSource(source))| source),
    };
    let open = EventStream::open(
        api.replica.clone(),
        api.streams.clone(),
        api.stopping.clone(),
        request,
    );
    let follow = open.map_err(|error| Fault::new(ErrorCode::Busy, error.to_string()))?;
    let events = stream::unfold(follow, async |mut follow| {
        let item = follow.next().await?;
        Some((Ok(event(item)), follow))
    });
    Ok(Sse::new(events))
}

/// The epoch of the device's running session. A node that lacks the session or the sequence is
/// behind, and catches up first; and also one with mail that the agent has read, which may be
/// acknowledged elsewhere (law B5).
async fn epoch(api: &Api, user: &UserName, device: &PublicKey, after: u64) -> Result<u64, Fault> {
    let read_state = || {
        let view = api.replica.view();
        let session = read::session(&*view, device).filter(|session| session.online);
        (session, read::newest_event(&*view, user))
    };
    let (session, newest) = read_state();
    if let Some(session) = session.filter(|_| after <= newest)
        && !has_unacknowledged(api, user, after)
    {
        return Ok(session.epoch);
    }
    api.replica.barrier(Instant::now() + CALL_DEADLINE).await?;
    let (session, newest) = read_state();
    if after > newest {
        let message = format!("this cluster has no event after {newest}: start again with after=0");
        return Err(Fault::new(ErrorCode::BadRequest, message));
    }
    session
        .map(|session| session.epoch)
        .ok_or_else(|| Refusal::SessionEnded.into())
}

fn has_unacknowledged(api: &Api, user: &UserName, until: u64) -> bool {
    !read::mail_between(&*api.replica.view(), user, 0, until, 1).is_empty()
}

fn event(item: StreamItem) -> Event {
    match item {
        StreamItem::Event(event) => Event::default()
            .id(event.sequence.to_string())
            .data(json(&event)),
        StreamItem::Probe => Event::default().event("probe").data("{}"),
        StreamItem::Heartbeat => Event::default().comment("alive"),
        StreamItem::Ended(end) => Event::default()
            .event("ended")
            .data(json(fault(end).error())),
    }
}

fn fault(end: EndReason) -> Fault {
    match end {
        EndReason::SessionEnded => Refusal::SessionEnded.into(),
        EndReason::NodeStops => Fault::new(
            ErrorCode::Unavailable,
            "this node is stopping: open the stream at another node",
        ),
        EndReason::Replaced => Fault::new(
            ErrorCode::Unavailable,
            "this device opened another stream at this node",
        ),
    }
}

/// JSON on one line, as server-sent events need.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| {
        tracing::error!(%error, "cannot encode an event as JSON");
        "{}".to_owned()
    })
}
