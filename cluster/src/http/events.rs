//! `GET /v1/events`: the event stream as server-sent events.

use std::convert::Infallible;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use cameo_common::api::{ErrorCode, paths};
use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use futures_util::{Stream, stream};
use serde::Deserialize;
use tokio::time::Instant;

use super::auth::SignedEmpty;
use super::body::InQuery;
use super::{Api, Fault};
use crate::event_stream::{End, Follow, Reader, StreamItem};
use crate::raft::CALL_DEADLINE;
use cameo_machine::{Refusal, read};

pub(super) fn routes() -> Router<Api> {
    Router::new().route(paths::EVENTS, get(follow))
}

/// `?after=SEQUENCE`: the last one seen, 0 for none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    #[serde(default)]
    after: u64,
}

async fn follow(
    State(api): State<Api>,
    InQuery(Token { after }): InQuery<Token>,
    SignedEmpty(caller): SignedEmpty,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Fault> {
    let epoch = epoch(&api, &caller.user, &caller.device, after).await?;
    let reader = Reader {
        user: caller.user,
        device: caller.device,
        epoch,
        after,
    };
    let open = Follow::open(
        api.replica.clone(),
        api.streams.clone(),
        api.stopping.clone(),
        reader,
    );
    let follow = open.map_err(|error| Fault::new(ErrorCode::Busy, error.to_string()))?;
    let events = stream::unfold(follow, async |mut follow| {
        let told = follow.next().await?;
        Some((Ok(event(told)), follow))
    });
    Ok(Sse::new(events))
}

/// The running session of the device. A node that has not seen the session or the token yet is
/// behind, and catches up first.
async fn epoch(api: &Api, user: &UserName, device: &PublicKey, after: u64) -> Result<u64, Fault> {
    let look = || {
        let view = api.replica.view();
        let session = read::session(&*view, device).filter(|session| session.online);
        (session, read::newest_event(&*view, user))
    };
    let (session, newest) = look();
    if let Some(session) = session.filter(|_| after <= newest) {
        return Ok(session.epoch);
    }
    api.replica.barrier(Instant::now() + CALL_DEADLINE).await?;
    let (session, newest) = look();
    if after > newest {
        let message = format!("this cluster has told nothing beyond {newest}: begin again after=0");
        return Err(Fault::new(ErrorCode::BadRequest, message));
    }
    session
        .map(|session| session.epoch)
        .ok_or_else(|| Refusal::SessionEnded.into())
}

fn event(told: StreamItem) -> Event {
    match told {
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

fn fault(end: End) -> Fault {
    match end {
        End::SessionEnded => Refusal::SessionEnded.into(),
        End::NodeStops => Fault::new(
            ErrorCode::Unavailable,
            "this node is stopping: open the stream at another node",
        ),
        End::Replaced => Fault::new(
            ErrorCode::Unavailable,
            "this device opened another stream at this node",
        ),
    }
}

/// One line, as the stream's format needs.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| {
        tracing::error!(%error, "an event has no JSON form");
        "{}".to_owned()
    })
}
