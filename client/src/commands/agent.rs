//! `agent`: runs the background agent until a signal stops it.

use std::net::SocketAddr;

use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use clap::Args;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::broadcast;

use crate::agent::{Agent, AgentError, Options};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::flows::notices::Notice;
use crate::output::{self, Output, Report};
use crate::text::prefix::short;
use crate::vault::IoError;

/// Arguments of `agent`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Addresses to listen on for other agents; at most one each for IPv4 and IPv6.
    #[arg(long, value_name = "IP:PORT")]
    listen: Vec<SocketAddr>,
    /// Do not list this user in `cameo who`.
    #[arg(long)]
    unlisted: bool,
}

/// An agent that did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Io(#[from] IoError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::Agent(error) => error.kind(),
            Error::Io(error) => error.kind(),
        }
    }
}

pub async fn run(ctx: Context, out: Output, arguments: Arguments) -> Result<Report, Error> {
    let interrupt = signal(SignalKind::interrupt()).map_err(IoError)?;
    let terminate = signal(SignalKind::terminate()).map_err(IoError)?;
    let ready = Ready {
        name: ctx.me.name.clone(),
        device: ctx.me.device_key().public(),
    };
    let options = Options {
        listen: arguments.listen,
        listed: !arguments.unlisted,
    };
    let agent = Agent::start(ctx, options).await?;
    let ended = watch(&agent, out, &ready, interrupt, terminate).await;
    agent.stop().await;
    ended.map(|()| Report::silent())
}

/// The line that reports a running agent.
struct Ready {
    name: UserName,
    device: PublicKey,
}

impl Ready {
    fn print(&self, out: Output, addresses: &[SocketAddr], epoch: u64) -> std::io::Result<()> {
        let Self { name, device } = self;
        if out.json {
            return output::print_result(json!({
                "schema": cameo_common::api::SCHEMA, "ok": true, "verb": "agent", "ready": true,
                "name": name, "device": device, "addresses": addresses, "epoch": epoch,
            }));
        }
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        output::print_result(format_args!(
            "ready {name} {device} {}",
            addresses.join(",")
        ))
    }
}

/// Prints notices until a signal arrives, or the cluster has refused this device for good.
async fn watch(
    agent: &Agent,
    out: Output,
    ready: &Ready,
    mut interrupt: Signal,
    mut terminate: Signal,
) -> Result<(), Error> {
    let mut notices = agent.notices().listen();
    let mut reported = false;
    loop {
        tokio::select! {
            epoch = agent.ready(), if !reported => {
                ready.print(out, &agent.addresses(), epoch?).map_err(IoError)?;
                reported = true;
            }
            why = agent.ended() => return Err(why.into()),
            notice = notices.recv() => match notice {
                Ok(notice) => {
                    line(&notice).into_iter().for_each(|line| out.note(line));
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        }
    }
}

/// The line for a notice, if it has one.
fn line(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Arriving { .. } => return None,
        Notice::Arrived { grant, .. } => {
            format!("a photo has arrived: `cameo view {}`", short(grant))
        }
        Notice::Denied { reason, .. } => format!("a request was denied: {reason}"),
        Notice::Failed { request } => format!(
            "the carrier of a request could not be made ({}): ask its owner to look at `cameo \
             requests`",
            short(request)
        ),
        Notice::Asked { request, viewer } => {
            format!("new request from {viewer} ({})", short(request))
        }
        Notice::Sharing { step, .. } => step.clone(),
        Notice::Delivered { grant, viewer } => {
            format!("{viewer} has the carrier of {}", short(grant))
        }
        Notice::Rights {
            grant,
            version,
            confirmed,
        } => format!(
            "the rights of {} have changed (version {version}{})",
            short(grant),
            if *confirmed {
                ""
            } else {
                ", not in the ledger yet"
            }
        ),
        Notice::Acknowledged { grant, version } => format!(
            "version {version} of the rights of {} was acknowledged",
            short(grant)
        ),
        // The event has no signature of the viewer's.
        Notice::Viewed { grant, number } => format!(
            "a node says that view {number} of {0} was charged: `cameo log {0}` proves it",
            short(grant)
        ),
        Notice::Offline { user } => format!("{user} does not answer and is offline"),
        Notice::Session { epoch } => format!("online (session {epoch})"),
        Notice::Trouble { what_failed, why } => format!("{what_failed}: {why}"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::ids::GrantId;

    use super::*;

    #[test]
    fn attack_a_view_that_a_node_tells_of_is_not_told_as_a_fact() {
        let grant = GrantId([0xab; 32]);
        let line = line(&Notice::Viewed { grant, number: 2 }).unwrap();
        assert!(line.starts_with("a node says that view 2"), "{line}");
        assert!(line.contains(&format!("cameo log {}", short(&grant))));
    }
}
