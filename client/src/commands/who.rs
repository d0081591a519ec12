//! `who`: lists the users online, or shows one user.

use cameo_common::identity::safety_phrase;
use cameo_common::ids::UserName;
use clap::Args;

use crate::cluster_api::ClusterError;
use crate::directory::{self, DirectoryError};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::output::{Report, moment};

/// Arguments of `who`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The user; without it all listed users who are online.
    #[arg(value_name = "USER")]
    user: Option<UserName>,
}

/// Users that cannot be looked up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::Cluster(error) => error.kind(),
            Error::Directory(error) => error.kind(),
        }
    }
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Error> {
    match arguments.user {
        Some(name) => one_user(ctx, &name).await,
        None => users_online(ctx).await,
    }
}

async fn users_online(ctx: &Context) -> Result<Report, Error> {
    let online = ctx.api.online().await?;
    let names: Vec<&str> = online.users.iter().map(UserName::as_str).collect();
    let text = if names.is_empty() {
        "No listed user is online.".to_owned()
    } else {
        names.join("\n")
    };
    Ok(Report::new(text).with("users", names))
}

async fn one_user(ctx: &Context, name: &UserName) -> Result<Report, Error> {
    let person = directory::look_up(&ctx.api, &ctx.vault, name).await?;
    let mine = ctx.me.identity_key().public();
    let online = match (person.retired, person.online) {
        (Some(at), _) => format!("retired by the operator ({})", moment(at)),
        (None, Some(true)) => "online".to_owned(),
        (None, Some(false)) => "offline".to_owned(),
        (None, None) => "online state not visible to you".to_owned(),
    };
    let mut text = format!(
        "{name}: {online}, {} device(s)\nkey {}",
        person.devices.len(),
        person.card.key
    );
    if !person.reach.unreadable.is_empty() {
        text.push_str(&format!(
            "\ncannot be reached at {}: this version cannot read these addresses; is one of you \
             out of date?",
            person.reach.unreadable.join(", ")
        ));
    }
    let phrase = (person.card.key != mine).then(|| safety_phrase(&mine, &person.card.key));
    if let Some(phrase) = &phrase {
        text.push_str(&format!(
            "\nsafety phrase, the same for both of you: {phrase}"
        ));
    }
    Ok(Report::new(text)
        .with("user", name)
        .with("key", person.card.key)
        .with("online", person.online)
        .with("retired", person.retired)
        .with("devices", &person.devices)
        .with("unread_addresses", &person.reach.unreadable)
        .with("first_contact", person.first_contact)
        .with("safety_phrase", phrase))
}
