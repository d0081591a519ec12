//! `agent`: there for others until it is told to stop.

use std::net::SocketAddr;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast;

use crate::agent::{Agent, Options};
use crate::cli::exit::Failure;
use crate::flows::context::Context;
use crate::flows::notices::Notice;
use crate::output::{self, Output, Report};
use crate::text::prefix::short;

/// What `agent` can be told.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where to listen for other agents; at most one address each for IPv4 and IPv6.
    #[arg(long, value_name = "IP:PORT")]
    listen: Vec<SocketAddr>,
    /// Do not show up in `cameo who`.
    #[arg(long)]
    unlisted: bool,
}

pub async fn run(ctx: Context, arguments: Arguments) -> Result<Report, Failure> {
    let out = ctx.out;
    let name = ctx.me.name.clone();
    let device = ctx.me.device_key().public();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let options = Options {
        listen: arguments.listen,
        listed: !arguments.unlisted,
    };
    let agent = Agent::start(ctx, options).await?;
    let mut notices = agent.notices().listen();
    let mut ready = false;
    loop {
        tokio::select! {
            epoch = agent.ready(), if !ready => match epoch {
                Ok(epoch) => {
                    ready = true;
                    let addresses = agent.addresses();
                    let said = if out.json {
                        output::say(json!({
                            "schema": cameo_common::api::SCHEMA, "ok": true, "verb": "agent", "ready": true,
                            "name": name, "device": device, "addresses": addresses, "epoch": epoch,
                        }))
                    } else {
                        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                        output::say(format_args!("ready {name} {device} {}", addresses.join(",")))
                    };
                    if let Err(error) = said {
                        agent.stop().await;
                        return Err(error.into());
                    }
                }
                Err(error) => {
                    agent.stop().await;
                    return Err(error);
                }
            },
            notice = notices.recv() => match notice {
                Ok(notice) => show(&out, &notice),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => break,
            },
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    agent.stop().await;
    Ok(Report::silent())
}

/// One line for the person who has the agent's terminal open.
fn show(out: &Output, notice: &Notice) {
    match notice {
        Notice::Arriving { .. } => {}
        Notice::Arrived { grant, .. } => {
            out.note(format_args!(
                "a photo has arrived: `cameo view {}`",
                short(grant)
            ));
        }
        Notice::Denied { reason, .. } => {
            out.note(format_args!("a request was turned down: {reason}"))
        }
        Notice::Failed { request } => out.note(format_args!(
            "a photo that was asked for could not be made ({}): ask its owner to look at it",
            short(request)
        )),
        Notice::Asked { request, viewer } => {
            out.note(format_args!(
                "{viewer} asks for something ({})",
                short(request)
            ));
        }
        Notice::Sharing { step, .. } => out.note(format_args!("{step}")),
        Notice::Delivered { grant, viewer } => {
            out.note(format_args!("{viewer} has the carrier of {}", short(grant)));
        }
        Notice::Rights {
            grant,
            version,
            confirmed,
        } => out.note(format_args!(
            "the rights of {} have changed (version {version}{})",
            short(grant),
            if *confirmed {
                ""
            } else {
                ", not in the ledger yet"
            }
        )),
        Notice::Acknowledged { grant, version } => {
            out.note(format_args!(
                "version {version} of the rights of {} has arrived",
                short(grant)
            ));
        }
        Notice::Viewed { grant, number } => {
            out.note(format_args!("view {number} of {} was taken", short(grant)));
        }
        Notice::Offline { user } => out.note(format_args!("{user} does not answer and is offline")),
        Notice::Session { epoch } => out.note(format_args!("online (session {epoch})")),
        Notice::Trouble { what_failed, why } => out.note(format_args!("{what_failed}: {why}")),
    }
}
