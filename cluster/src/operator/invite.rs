//! Creation of an invite: a seed that only its bearer gets, and an order with the public key.

use std::path::PathBuf;
use std::time::Duration;

use cameo_common::api::OperatorCommand;
use cameo_common::ids::UserName;
use cameo_common::registration::{Invite, InviteFile, InviteSeed};
use zeroize::Zeroizing;

use super::client::{OperatorClient, OrderError};
use super::outcome::{Output, Report, VerbError, random, request_id};
use super::patience::Tell;
use crate::host::private_file;

/// An invite that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteOrder {
    /// The only name that it registers, if there is one.
    pub name: Option<UserName>,
    pub life: Duration,
    /// File to write, instead of printing a code.
    pub out: Option<PathBuf>,
}

/// Creates an invite. Its file is written, or its code made, before the cluster knows of it, so
/// that no invite is recorded that nobody has.
pub(super) async fn create(
    client: &OperatorClient,
    order: InviteOrder,
    tell: Tell<'_>,
) -> Result<Report, VerbError> {
    let invite = Invite {
        cluster: client.address().cluster,
        seed: InviteSeed(random()?),
        nodes: client.address().nodes.clone(),
    };
    let not_after = client.now().plus(order.life);
    let output = match &order.out {
        None => Some(invite.code()?),
        Some(path) => {
            let file = InviteFile::new(&invite, order.name.clone(), not_after);
            let text = Zeroizing::new(serde_json::to_string(&file).unwrap_or_default());
            private_file::create(path, &text)?;
            None
        }
    };
    let command = OperatorCommand::CreateInvite {
        invite: invite.seed.key().public(),
        name: order.name.clone(),
        not_after,
    };
    if let Err(error) = tell.order(client, &command, request_id()?).await {
        let Some(path) = order.out else {
            return Err(error.into());
        };
        // An invite whose order was carried out somewhere, or may yet be, is worth keeping.
        if may_be_in_force(&error) {
            return Err(VerbError::InviteKept { path, error });
        }
        private_file::discard(&path);
        return Err(error.into());
    }
    let note = note(&order);
    let output = output.map(|text| Output {
        text,
        if_lost: "the invite is in force, and nobody has its words, so that it registers nobody \
                  until it expires: create another one",
    });
    Ok(Report { note, output })
}

/// Whether a failed order may have been carried out, or may yet be.
fn may_be_in_force(error: &OrderError) -> bool {
    match error {
        OrderError::Unknown(_) | OrderError::NotInForce { .. } | OrderError::Unconfirmed(_) => true,
        OrderError::NoNode(_)
        | OrderError::NoMajority(_)
        | OrderError::OtherCluster { .. }
        | OrderError::OtherOperator { .. }
        | OrderError::Refused(_) => false,
    }
}

fn note(order: &InviteOrder) -> String {
    let whom = order
        .name
        .as_ref()
        .map_or("one user".to_owned(), |name| format!("the name {name}"));
    let days = order.life.as_secs() / (24 * 3_600);
    let how = match &order.out {
        Some(path) => format!("give them {}, for `--invite FILE`", path.display()),
        None => "give them these words, for `--invite \"WORDS\"`".to_owned(),
    };
    format!("an invite for {whom}, for {days} days; {how}. It registers its bearer, once")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_that_may_be_in_force_is_kept_and_its_file_is_named() {
        let why = || "https://a has no majority".to_owned();
        let not_in_force = OrderError::NotInForce {
            confirmed: 1,
            needed: 2,
            why: why(),
        };
        for error in [OrderError::Unknown(why()), not_in_force] {
            assert!(may_be_in_force(&error), "{error}");
            let path = PathBuf::from("ben.invite");
            let told = VerbError::InviteKept { path, error }.to_string();
            assert!(
                told.ends_with("The invite in ben.invite is kept: it may be in force"),
                "{told}"
            );
        }
        for error in [OrderError::NoNode(why()), OrderError::NoMajority(why())] {
            assert!(!may_be_in_force(&error), "{error}");
        }
    }
}
