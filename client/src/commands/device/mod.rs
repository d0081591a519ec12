//! `device`: lists this user's devices, revokes one, or gives this home a key of its own.

mod list;
mod new;
mod revoke;

use clap::{Args, Subcommand};

use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::flows::devices::DeviceError;
use crate::output::Report;
use crate::text::prefix::PrefixError;

/// Arguments of `device`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with devices.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List your devices, also revoked ones.
    List,
    /// End a device's rights to act for you, for good.
    ///
    /// Nodes release no view to it any more, charge none, and take nothing from it; others' agents
    /// refuse it once they have looked you up. What was released to it before stays open to it.
    Revoke(revoke::Arguments),
    /// Give this home a device key of its own: after it was copied, or its device was revoked.
    New,
}

/// A command about devices that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Prefix(#[from] PrefixError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::Device(error) => error.kind(),
            Error::Prefix(error) => error.kind(),
        }
    }
}

impl Arguments {
    /// The name of the command, for programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.verb {
            Verb::List => "device list",
            Verb::Revoke(_) => "device revoke",
            Verb::New => "device new",
        }
    }
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Error> {
    match arguments.verb {
        Verb::List => list::run(ctx).await,
        Verb::Revoke(arguments) => revoke::run(ctx, arguments).await,
        Verb::New => new::run(ctx).await,
    }
}
