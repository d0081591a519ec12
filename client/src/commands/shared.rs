//! `shared`: lists the grants that this user made, with their state in the ledger. Rights are shown
//! as this user has signed them; how many views are used is the nodes' word, which `log` proves.

use cameo_common::api::{GrantInfo, Role};
use cameo_common::ids::Millis;
use cameo_common::keys::PublicKey;
use cameo_common::rights::Rights;
use clap::Args;
use serde_json::{Value, json};

use crate::flows::LedgerError;
use crate::flows::context::Context;
use crate::output::{Report, moment, table};
use crate::text::prefix::short;
use crate::vault::records::{Attempts, GrantOwned, Image, OutboxKey, Stage, UnconfirmedEnding};

/// `shared` has no arguments.
#[derive(Debug, Args)]
pub struct Arguments {}

pub async fn run(ctx: &Context, _: Arguments) -> Result<Report, LedgerError> {
    let ledger = ctx.api.grants().await?;
    let me = ctx.me.identity_key().public();
    let mut rows = Vec::new();
    let mut grants: Vec<Value> = Vec::new();
    let mut unsigned = 0;
    for info in ledger.iter().filter(|info| info.role == Role::Owner) {
        let Some(rights) = own_rights(info, &me) else {
            unsigned += 1;
            continue;
        };
        let owned = ctx.vault.get::<GrantOwned>(&info.grant.to_string())?;
        let image = ctx.vault.get::<Image>(&info.image.to_string())?;
        let known_as = image
            .as_ref()
            .map_or_else(|| short(&info.image), Image::known_as);
        let sending = OutboxKey::Deliver(info.grant).id();
        let refused = ctx
            .vault
            .get::<Attempts>(&sending)?
            .filter(Attempts::is_given_up);
        let delivery = delivery(info, owned.as_ref(), refused.is_some());
        let unconfirmed = ctx
            .vault
            .get::<UnconfirmedEnding>(&info.grant.to_string())?
            .map(|ending| ending.version);
        rows.push(vec![
            short(&info.grant),
            format!("to {}", info.viewer),
            known_as,
            format!("{} of {} used", info.used, rights.permitted),
            state(
                info,
                &rights,
                delivery,
                refused.as_ref(),
                unconfirmed,
                ctx.api.cluster_now(),
            ),
        ]);
        grants.push(json!({
            "grant": info.grant, "viewer": info.viewer, "image": info.image,
            "title": image.as_ref().map(|image| &image.title),
            "name": image.as_ref().map(|image| &image.name),
            "permitted": rights.permitted, "used": info.used, "left": rights.left(info.used),
            "version": rights.version, "expires": rights.expires, "revoked": rights.revoked,
            "acknowledged": info.acknowledged,
            "in_mailbox": info.in_mailbox, "viewer_retired": info.other_retired,
            "closed": info.closed, "delivery": delivery, "unconfirmed": unconfirmed,
            "refusal": refused.map(|refused| refused.last_error), "created": info.created,
            "worker": owned.as_ref().map(|owned| owned.worker),
            "leader": owned.as_ref().map(|owned| owned.leader),
        }));
    }
    let mut text = if rows.is_empty() {
        "You share nothing yet.".to_owned()
    } else {
        table(&rows)
    };
    if unsigned > 0 {
        text.push_str(&format!(
            "\nLeft out: {unsigned} grants that a node lists as yours, with rights that you have \
             not signed."
        ));
    }
    Ok(Report::new(text).with("grants", grants))
}

/// The rights that this owner has signed for the grant; none when a node shows anything else.
fn own_rights(info: &GrantInfo, me: &PublicKey) -> Option<Rights> {
    let rights = info.rights.verify().ok()?;
    (rights.owner == *me && rights.grant == info.grant).then_some(rights)
}

fn delivery(info: &GrantInfo, owned: Option<&GrantOwned>, refused: bool) -> &'static str {
    match owned.map(|owned| owned.stage) {
        _ if info.receipt.is_some() => "received",
        Some(Stage::Delivered | Stage::Settled) => "received",
        _ if refused => "refused",
        _ => "waiting",
    }
}

fn state(
    info: &GrantInfo,
    rights: &Rights,
    delivery: &str,
    refused: Option<&Attempts>,
    unconfirmed: Option<u64>,
    now: Millis,
) -> String {
    let mut words = Vec::new();
    if unconfirmed.is_some() {
        words.push("NOT known to be in force: too few nodes have confirmed it".to_owned());
    }
    if rights.revoked {
        words.insert(0, "revoked".to_owned());
        return words.join("; ");
    }
    if let Some(at) = rights.expires {
        let word = if at <= now { "expired" } else { "until" };
        words.push(format!("{word} {}", moment(at)));
    }
    if info.closed {
        words.push(format!(
            "closed, since the cluster was restored from a backup: `cameo reopen {}` opens it",
            short(&info.grant)
        ));
    }
    if let Some(at) = info.other_retired {
        words.push(format!(
            "the operator has retired {} ({}): they open nothing and are sent nothing any more",
            info.viewer,
            moment(at)
        ));
        return words.join("; ");
    }
    match (delivery, refused) {
        ("waiting", _) => words.push("the carrier is not delivered yet".to_owned()),
        ("refused", Some(refused)) => words.push(format!(
            "the carrier was refused ({}); it is sent again when {} repeats the request, or when \
             your agent is restarted",
            refused.last_error, info.viewer
        )),
        _ => {}
    }
    if info.in_mailbox {
        words.push("new rights are in the mailbox".to_owned());
    }
    words.join("; ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use cameo_common::ids::GrantId;
    use cameo_common::signed::Signed;

    use super::*;
    use crate::agent::tests::{ME, STRANGER, key, owned};

    fn rights(by: [u8; 32], grant: GrantId) -> Signed<Rights> {
        let rights = Rights {
            owner: key(by).public(),
            grant,
            version: 2,
            permitted: 5,
            expires: None,
            revoked: false,
            may_save: false,
            offline: 0,
        };
        Signed::new(&key(by), rights)
    }

    /// What a node says of a grant, whose figures are all false.
    fn told(rights: Signed<Rights>) -> GrantInfo {
        let known = owned(Stage::Settled);
        GrantInfo {
            grant: known.grant,
            role: Role::Owner,
            owner: known.viewer.clone(),
            viewer: known.viewer,
            image: known.image,
            created: Millis(1),
            manifest: known.manifest,
            rights,
            deal: known.deal,
            version: 9,
            permitted: 1_000,
            used: 0,
            left: 1_000,
            expires: None,
            revoked: true,
            receipt: None,
            acknowledged: 0,
            in_mailbox: false,
            other_retired: None,
            closed: false,
        }
    }

    #[test]
    fn a_retired_viewer_is_promised_neither_carrier_nor_mail() {
        let grant = owned(Stage::Settled).grant;
        let mut info = told(rights(ME, grant));
        info.in_mailbox = true;
        let rights = info.rights.verify().unwrap();
        // given a viewer who waits for a carrier and has mail
        let before = state(&info, &rights, "waiting", None, None, Millis(0));
        assert!(before.contains("mailbox") && before.contains("not delivered yet"));
        // when the viewer is retired
        info.other_retired = Some(Millis(1));
        let after = state(&info, &rights, "waiting", None, None, Millis(0));
        assert!(after.contains("the operator has retired"), "{after}");
        assert!(
            !after.contains("mailbox") && !after.contains("yet"),
            "{after}"
        );
    }

    #[test]
    fn attack_shared_shows_no_rights_that_the_owner_has_not_signed() {
        let (me, grant) = (key(ME).public(), owned(Stage::Settled).grant);
        // given rights of the owner's, and a node that says something else of them
        let shown = own_rights(&told(rights(ME, grant)), &me).unwrap();
        assert_eq!((shown.version, shown.permitted), (2, 5));
        // and rights of another owner, another grant, and without a signature
        let mut forged = rights(ME, grant).as_bytes().to_vec();
        forged[0] ^= 1;
        for false_one in [
            rights(STRANGER, grant),
            rights(ME, GrantId([8; 32])),
            Signed::from_bytes(forged),
        ] {
            assert_eq!(own_rights(&told(false_one), &me), None);
        }
    }
}
