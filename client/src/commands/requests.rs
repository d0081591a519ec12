//! `requests`: lists the requests of others, and the user's own.

use std::time::Duration;

use cameo_common::ids::RequestId;
use clap::Args;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::flows::context::Context;
use crate::flows::request;
use crate::output::{Report, moment, table};
use crate::text::prefix::short;
use crate::text::sanitize::sanitize;
use crate::vault::VaultError;
use crate::vault::records::{
    Image, Incoming, IncomingState, Outgoing, OutgoingState, RequestSubject,
};

/// Bound on the wait for the cluster; after it the stored state is listed.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(3);

/// Arguments of `requests`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// List answered requests too.
    #[arg(long)]
    all: bool,
    /// Do not ask the cluster whether the owners are still there.
    #[arg(long)]
    offline: bool,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, VaultError> {
    let ended = match arguments.offline {
        true => Vec::new(),
        false => end_those_to_retired(ctx).await?,
    };
    let mut incoming = ctx.vault.list::<Incoming>()?;
    incoming.sort_by_key(|(_, incoming)| incoming.received);
    let mut outgoing = ctx.vault.list::<Outgoing>()?;
    outgoing.sort_by_key(|(_, outgoing)| outgoing.asked_at);
    let (mut rows, mut wants) = (Vec::new(), Vec::new());
    for (_, incoming) in &incoming {
        if arguments.all || is_open(&incoming.state) {
            let image = ctx.vault.get::<Image>(&incoming.image.to_string())?;
            wants.push(document(incoming, image.as_ref()));
            rows.push(vec![
                short(&incoming.request),
                format!(
                    "{} requests {}",
                    incoming.viewer,
                    what(incoming, image.as_ref())
                ),
                state(&incoming.state).to_owned(),
                incoming.note.clone(),
            ]);
        }
    }
    let mut wanted: Vec<Value> = Vec::new();
    for (_, outgoing) in &outgoing {
        let (state, detail) = own_state(&outgoing.state);
        let is_news = ended.contains(&outgoing.request);
        if arguments.all || is_news || !outgoing.state.is_answered() {
            wanted.push(json!({
                "request": outgoing.request, "owner": outgoing.owner, "image": outgoing.image,
                "title": outgoing.title, "note": outgoing.note, "asked_at": outgoing.asked_at,
                "state": state, "detail": detail,
            }));
            rows.push(vec![
                short(&outgoing.request),
                format!(
                    "you request {} of {}",
                    short(&outgoing.image),
                    outgoing.owner
                ),
                state.to_owned(),
                match &outgoing.state {
                    OutgoingState::Denied(reason) => sanitize(reason),
                    _ => moment(outgoing.asked_at),
                },
            ]);
        }
    }
    let text = if rows.is_empty() {
        "There are no requests.".to_owned()
    } else {
        table(&rows)
    };
    Ok(Report::new(text).with("in", wants).with("out", wanted))
}

/// Ends the requests to owners who are retired, if the cluster answers soon.
async fn end_those_to_retired(ctx: &Context) -> Result<Vec<RequestId>, VaultError> {
    match timeout(REFRESH_TIMEOUT, request::end_those_to_retired(ctx)).await {
        Ok(ended) => Ok(ended?.iter().map(|ended| ended.request).collect()),
        Err(_) => Ok(Vec::new()),
    }
}

fn is_open(state: &IncomingState) -> bool {
    // A failed request needs the user, who can approve it again or deny it.
    matches!(
        state,
        IncomingState::Waiting | IncomingState::Approved(_) | IncomingState::Failed { .. }
    )
}

fn document(incoming: &Incoming, image: Option<&Image>) -> Value {
    let kind = match incoming.asked {
        RequestSubject::Photo(_) => "photo",
        RequestSubject::More(_) => "more",
    };
    let detail = match &incoming.state {
        IncomingState::Granted(grant) => grant.to_string(),
        IncomingState::Denied { reason, .. } => reason.clone(),
        IncomingState::Failed { why, .. } => why.clone(),
        _ => String::new(),
    };
    json!({
        "request": incoming.request, "kind": kind, "viewer": incoming.viewer,
        "image": incoming.image,
        "title": image.map(|image| &image.title), "name": image.map(|image| &image.name),
        "note": incoming.note, "received": incoming.received,
        "state": state(&incoming.state), "detail": detail,
    })
}

fn what(incoming: &Incoming, image: Option<&Image>) -> String {
    let known_as = image.map_or_else(|| short(&incoming.image), Image::known_as);
    match &incoming.asked {
        RequestSubject::Photo(_) => known_as,
        RequestSubject::More(_) => format!("more views of {known_as}"),
    }
}

fn state(state: &IncomingState) -> &'static str {
    match state {
        IncomingState::Waiting => "waiting",
        IncomingState::Approved(_) => "approved",
        IncomingState::Granted(_) => "granted",
        IncomingState::Denied { .. } => "denied",
        IncomingState::Failed { .. } => "failed",
    }
}

fn own_state(state: &OutgoingState) -> (&'static str, String) {
    match state {
        OutgoingState::Signed => ("not_asked_yet", String::new()),
        OutgoingState::Preparing => ("preparing", String::new()),
        OutgoingState::Waiting => ("waiting", String::new()),
        OutgoingState::Arrived(grant) => ("arrived", grant.to_string()),
        OutgoingState::Denied(reason) => ("denied", reason.clone()),
        OutgoingState::Failed => ("failed", String::new()),
    }
}
