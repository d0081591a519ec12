//! `rights`: change what a viewer may do. Into the ledger first, then straight to the viewer.

use std::time::Duration;

use cameo_common::api::{ErrorCode, Role};
use cameo_common::ids::{GrantId, UserName};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use clap::Args;
use tokio::time::{Instant, sleep};

use super::{length_of_time, owned_grant, views};
use crate::agent::report_offline;
use crate::cli::exit::{Exit, Failure};
use crate::clock;
use crate::cluster_api::ClusterError;
use crate::control;
use crate::flows::context::Context;
use crate::flows::notices::Notices;
use crate::flows::share;
use crate::output::{Report, moment};
use crate::text::prefix::short;
use crate::vault::records::{Attempts, GrantOwned, OutboxKey, Stage, change};

/// Statements that are signed anew when another device was faster.
const MAX_VERSIONS: usize = 4;
/// How often a viewer is tried before he is reported offline.
const ATTEMPTS: usize = 2;
/// Wait between two attempts.
const PAUSE: Duration = Duration::from_millis(300);

/// What `rights` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The grant's id, or its first digits; `cameo shared` lists them.
    #[arg(value_name = "GRANT")]
    grant: String,
    /// Views in total, those already taken included.
    #[arg(long, value_parser = views)]
    views: Option<u32>,
    /// How long from now: 12h, 7d, ... or `never`.
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires: Option<Expiry>,
    /// Whether the photo may be saved to a file.
    #[arg(long, value_name = "YES|NO", num_args = 0..=1, default_missing_value = "yes")]
    may_save: Option<YesNo>,
}

#[derive(Debug, Clone, Copy)]
enum Expiry {
    Never,
    After(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum YesNo {
    Yes,
    No,
}

fn expiry(text: &str) -> Result<Expiry, String> {
    match text {
        "never" => Ok(Expiry::Never),
        text => length_of_time(text).map(Expiry::After),
    }
}

/// What came of a change.
#[derive(Debug)]
pub struct Changed {
    pub grant: GrantId,
    viewer: UserName,
    rights: Rights,
    /// Views that were taken before the change.
    used: u32,
    in_mailbox: bool,
    /// Why the viewer does not have it yet.
    undelivered: Option<Failure>,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Failure> {
    if arguments.views.is_none() && arguments.expires.is_none() && arguments.may_save.is_none() {
        return Err(Failure::usage(
            "say what to change: --views, --expires or --may-save",
        ));
    }
    let owned = owned_grant(ctx, &arguments.grant)?;
    if owned.revoked {
        ctx.out
            .note("These rights were revoked; this gives them back.");
    }
    let changed = change_and_send(ctx, owned, |next| {
        next.revoked = false;
        if let Some(views) = arguments.views {
            next.permitted = views;
        }
        match arguments.expires {
            None => {}
            Some(Expiry::Never) => next.expires = None,
            Some(Expiry::After(length)) => next.expires = Some(clock::now().plus(length)),
        }
        if let Some(may_save) = arguments.may_save {
            next.may_save = may_save == YesNo::Yes;
        }
    })
    .await?;
    Ok(changed.report())
}

/// Signs the next version with these changes, puts it into the ledger, sends it to the viewer.
///
/// # Errors
/// When the ledger does not take it. That the viewer cannot be reached is no error: the mailbox
/// holds it for him.
pub async fn change_and_send(
    ctx: &Context,
    owned: GrantOwned,
    edit: impl Fn(&mut Rights),
) -> Result<Changed, Failure> {
    let (owned, rights, used, in_mailbox) = put(ctx, owned, edit).await?;
    let undelivered = send(ctx, &owned).await.err();
    if undelivered.is_some() {
        control::wake(ctx.vault.home()).await;
    }
    Ok(Changed {
        grant: owned.grant,
        viewer: owned.viewer,
        rights,
        used,
        in_mailbox: in_mailbox && undelivered.is_some(),
        undelivered,
    })
}

/// Of two statements with one version the ledger's wins: then the next is signed.
async fn put(
    ctx: &Context,
    owned: GrantOwned,
    edit: impl Fn(&mut Rights),
) -> Result<(GrantOwned, Rights, u32, bool), Failure> {
    let key = ctx.me.identity_key();
    for _ in 0..MAX_VERSIONS {
        let info = ctx.api.grant(&owned.grant).await?;
        if info.role != Role::Owner {
            return Err(Failure::not_found(
                "this grant is not yours to change; `cameo shared` lists those that are",
            ));
        }
        let mut next = info.rights.verify()?;
        if next.owner != key.public() || next.grant != owned.grant {
            return Err(Failure::other(
                "protocol",
                "the ledger tells rights that you did not sign; have the nodes looked at",
            ));
        }
        edit(&mut next);
        next.version = info.version.max(owned.version) + 1;
        let signed = Signed::new(&key, next.clone());
        match ctx.api.put_rights(&owned.grant, signed.clone()).await {
            Ok(stored) => {
                let kept = keep(ctx, &owned, &next, signed)?;
                return Ok((kept, next, info.used, stored.in_mailbox));
            }
            Err(ClusterError::Api(error)) if error.code == ErrorCode::StaleVersion => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::other(
        "stale_version",
        "another device of yours changes the same rights; try again when it is done",
    ))
}

fn keep(
    ctx: &Context,
    owned: &GrantOwned,
    rights: &Rights,
    signed: Signed<Rights>,
) -> Result<GrantOwned, Failure> {
    let kept = change::<GrantOwned>(&ctx.vault, &owned.grant.to_string(), |kept| {
        if rights.version > kept.version {
            kept.rights = signed;
            kept.version = rights.version;
            kept.revoked = rights.revoked;
            kept.expires = rights.expires;
        }
        kept.recorded_version = kept.recorded_version.max(rights.version);
    })?;
    // Whatever became of the version before: this one has not been sent yet, be it by itself or with the carrier.
    Attempts::forget(&ctx.vault, OutboxKey::Rights(owned.grant))?;
    Attempts::forget(&ctx.vault, OutboxKey::Deliver(owned.grant))?;
    kept.ok_or_else(|| Failure::not_found("the grant has just gone"))
}

/// Straight to the viewer; one who does not answer is reported offline.
async fn send(ctx: &Context, owned: &GrantOwned) -> Result<(), Failure> {
    let viewer = &owned.viewer;
    if owned.stage < Stage::Delivered {
        return Err(Failure::new(
            Exit::Queued,
            "peer_offline",
            format!("{viewer} does not have the carrier yet; the new rights come with it"),
        ));
    }
    let peers = ctx.peers().await?;
    let mut attempt = 1;
    loop {
        let began = Instant::now();
        match share::send_rights(ctx, &peers, owned).await {
            Ok(_) => return Ok(()),
            Err(error) if error.exit != Exit::Queued => return Err(error),
            Err(error) if attempt >= ATTEMPTS => {
                tracing::info!(%viewer, took = ?began.elapsed(), "given up");
                report_offline(ctx, &Notices::default(), viewer).await;
                return Err(error);
            }
            Err(_) => attempt += 1,
        }
        sleep(PAUSE).await;
    }
}

impl Changed {
    /// For people and for programs.
    #[must_use]
    pub fn report(&self) -> Report {
        let Rights {
            version,
            permitted,
            expires,
            revoked,
            may_save,
            ..
        } = &self.rights;
        let grant = short(&self.grant);
        let what = if *revoked {
            format!("{grant} is revoked")
        } else {
            let until = expires.map_or_else(String::new, |at| format!(" until {}", moment(at)));
            let save = if *may_save { ", may save" } else { "" };
            let left = permitted.saturating_sub(self.used);
            let views = if *permitted == 1 { "view" } else { "views" };
            format!(
                "{grant}: {permitted} {views} in total, {} used and {left} left{until}{save}",
                self.used
            )
        };
        let text = match &self.undelivered {
            None => format!("{what}; {} has it.", self.viewer),
            Some(why) => format!(
                "{what}. It is in the ledger and waits for {} in the mailbox: {why}",
                self.viewer
            ),
        };
        let report = Report::new(text)
            .with("grant", self.grant)
            .with("viewer", &self.viewer)
            .with("version", version)
            .with("permitted", permitted)
            .with("used", self.used)
            .with("expires", expires)
            .with("revoked", revoked)
            .with("may_save", may_save)
            .with("delivered", self.undelivered.is_none())
            .with("in_mailbox", self.in_mailbox);
        match self.undelivered {
            None => report,
            Some(_) => report.ending(Exit::Queued),
        }
    }
}
