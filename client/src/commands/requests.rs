//! `requests`: lists the requests of others, and the user's own.

use std::collections::BTreeSet;
use std::time::Duration;

use cameo_common::ids::{RequestId, UserName};
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
    /// Do not ask the cluster whether the others are retired.
    #[arg(long)]
    offline: bool,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, VaultError> {
    let mut incoming: Vec<_> = values(ctx.vault.list::<Incoming>()?);
    incoming.retain(|incoming| arguments.all || is_open(&incoming.state));
    incoming.sort_by_key(|incoming| incoming.received);
    let (ended, retired) = match arguments.offline {
        true => (Vec::new(), BTreeSet::new()),
        false => ask_about_retired(ctx, &incoming).await?,
    };
    let mut outgoing: Vec<_> = values(ctx.vault.list::<Outgoing>()?);
    outgoing.retain(|outgoing| {
        let is_news = ended.contains(&outgoing.request);
        arguments.all || is_news || !outgoing.state.is_answered()
    });
    outgoing.sort_by_key(|outgoing| outgoing.asked_at);
    let (mut rows, mut wants) = (Vec::new(), Vec::new());
    for incoming in &incoming {
        let image = ctx.vault.get::<Image>(&incoming.image.to_string())?;
        let state = state(incoming, &retired);
        wants.push(document(incoming, image.as_ref(), state));
        rows.push(row(incoming, image.as_ref(), state));
    }
    rows.extend(outgoing.iter().map(own_row));
    let mut text = if rows.is_empty() {
        "There are no requests.".to_owned()
    } else {
        table(&rows)
    };
    if incoming.iter().any(|one| state(one, &retired) == RETIRED) {
        text.push_str(
            "The operator has retired a viewer, who gets nothing any more: `cameo deny ID` takes \
             their request off this list.\n",
        );
    }
    let wanted: Vec<Value> = outgoing.iter().map(own_document).collect();
    Ok(Report::new(text).with("in", wants).with("out", wanted))
}

fn values<T>(listed: Vec<(String, T)>) -> Vec<T> {
    listed.into_iter().map(|(_, record)| record).collect()
}

/// Ends the requests to owners who are retired, and finds the viewers who are, as far as the
/// cluster answers soon.
async fn ask_about_retired(
    ctx: &Context,
    incoming: &[Incoming],
) -> Result<(Vec<RequestId>, BTreeSet<UserName>), VaultError> {
    let open = incoming.iter().filter(|incoming| is_open(&incoming.state));
    let viewers = open.map(|incoming| incoming.viewer.clone()).collect();
    let (ended, retired) = tokio::join!(
        end_those_to_retired(ctx),
        timeout(REFRESH_TIMEOUT, request::retired_viewers(ctx, &viewers))
    );
    Ok((ended?, retired.unwrap_or_default()))
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

fn row(incoming: &Incoming, image: Option<&Image>, state: &str) -> Vec<String> {
    vec![
        short(&incoming.request),
        format!("{} requests {}", incoming.viewer, what(incoming, image)),
        state.replace('_', " "),
        incoming.note.clone(),
    ]
}

fn own_row(outgoing: &Outgoing) -> Vec<String> {
    vec![
        short(&outgoing.request),
        format!(
            "you request {} of {}",
            short(&outgoing.image),
            outgoing.owner
        ),
        own_state(&outgoing.state).0.to_owned(),
        match &outgoing.state {
            OutgoingState::Denied(reason) => sanitize(reason),
            _ => moment(outgoing.asked_at),
        },
    ]
}

fn own_document(outgoing: &Outgoing) -> Value {
    let (state, detail) = own_state(&outgoing.state);
    json!({
        "request": outgoing.request, "owner": outgoing.owner, "image": outgoing.image,
        "title": outgoing.title, "note": outgoing.note, "asked_at": outgoing.asked_at,
        "state": state, "detail": detail,
    })
}

fn document(incoming: &Incoming, image: Option<&Image>, state: &str) -> Value {
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
        "state": state, "detail": detail,
    })
}

fn what(incoming: &Incoming, image: Option<&Image>) -> String {
    let known_as = image.map_or_else(|| short(&incoming.image), Image::known_as);
    match &incoming.asked {
        RequestSubject::Photo(_) => known_as,
        RequestSubject::More(_) => format!("more views of {known_as}"),
    }
}

/// The state of an open request whose viewer the operator has retired: nobody waits for an answer.
const RETIRED: &str = "viewer_retired";

fn state(incoming: &Incoming, retired: &BTreeSet<UserName>) -> &'static str {
    match &incoming.state {
        state if is_open(state) && retired.contains(&incoming.viewer) => RETIRED,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::ids::Millis;

    use super::*;
    use crate::agent::tests::keep_request;
    use crate::agent::tests::retirement::with_ada;

    const OPEN: Arguments = Arguments {
        all: false,
        offline: false,
    };

    #[tokio::test]
    async fn the_request_of_a_retired_viewer_waits_for_no_answer() {
        // given a request of a viewer who is not retired, and of one who is
        for (retired, state) in [(None, "waiting"), (Some(Millis(1)), "viewer_retired")] {
            let world = with_ada(retired).await;
            keep_request(&world, IncomingState::Waiting);
            // when the requests are listed
            let report = run(&world.core.ctx, OPEN).await.unwrap();
            // then the document says which it is, and the text too
            assert_eq!(report.fields()["in"][0]["state"], state);
            assert_eq!(report.text().contains("waiting"), retired.is_none());
            assert_eq!(report.text().contains("`cameo deny"), retired.is_some());
        }
    }
}
