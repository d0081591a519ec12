//! The read side of the state: the bodies of `/v1` and the facts that a node needs. Visibility is
//! decided here, not in handlers.

mod directory;
mod events;
mod ledger;
mod operator;
mod redeal;
mod release;
mod replies;
mod restore;
mod statements;

use std::collections::BTreeMap;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::{DescriptorLink, Descriptors};
use cameo_common::ids::{ClusterId, Millis};
use cameo_common::signed::Verifier;

pub use directory::{
    CallerInfo, SessionInfo, caller, is_counterparty, online_listed, session, session_of_epoch,
    sessions, user_info,
};
pub use events::{events_after, mail_between, newest_event};
pub use ledger::{grant_info, grant_log, grants_of};
pub use operator::{admitted_worker, operator, registration_mode};
pub use redeal::{GrantsToDealAgain, grants_to_deal_again};
pub use release::{Release, is_debited, release_check};
pub use replies::{leaves_a_reply, stored_reply};
pub use restore::{RestoreStatus, is_closed, is_taken_over_grant, restore, restoring};
pub use statements::{GrantStatements, grant_statements};

use super::cluster;
use super::command::Refusal;
use super::draft::Draft;
use super::rows::{self, DescriptorRow, LogTime, SuccessionRow};
use super::state_view::{Rows, StateView};

/// Log time: the greatest time of all entries that were carried out; the epoch before the first.
#[must_use]
pub fn log_time(view: &dyn StateView) -> Millis {
    rows::get::<LogTime>(view, &()).map_or(Millis::EPOCH, |row| row.0)
}

/// The newest version of entries that the log has had.
#[must_use]
pub fn entry_version(view: &dyn StateView) -> u16 {
    crate::entry_version::of(view)
}

/// The cluster's id; `None` before it is founded.
#[must_use]
pub fn cluster_id(view: &dyn StateView) -> Option<ClusterId> {
    cluster::founded(view).map(|founded| founded.cluster)
}

/// Number of the newest descriptor; None before the first entry.
#[must_use]
pub fn descriptor_number(view: &dyn StateView) -> Option<u64> {
    cluster::founded(view).map(|founded| founded.current)
}

/// The newest descriptor; None before the first entry.
#[must_use]
pub fn current_descriptor(view: &dyn StateView) -> Option<Descriptor> {
    cluster::current_descriptor(view)
}

/// Why the state would refuse a next descriptor of these nodes at this time, although it is signed:
/// ids, or holders of live grants. Nothing else of its number could follow then, so nobody should
/// sign it.
#[must_use]
pub fn refuses_nodes(
    verifier: &dyn Verifier,
    view: &dyn StateView,
    next: &Descriptor,
    force: bool,
    now: Millis,
) -> Option<Refusal> {
    let current = cluster::current_descriptor(view)?;
    let draft = Draft::new(view, verifier, 0, now);
    cluster::check_nodes(&draft, &current, next, force).err()
}

/// Whether a row is of the chain of descriptors: see [`descriptors_among`].
#[must_use]
pub fn is_of_descriptors(key: &[u8]) -> bool {
    rows::is_of_descriptors(key)
}

/// The descriptors among rows of a file that nobody has verified: they prove themselves. None where
/// they do not read.
#[must_use]
pub fn descriptors_among(rows: &Rows) -> Option<Descriptors> {
    let mut descriptors = BTreeMap::new();
    let mut successions = BTreeMap::new();
    for (key, value) in rows {
        if let Some((number, row)) = rows::try_decode::<DescriptorRow>(key, value) {
            descriptors.insert(number, row.0);
        } else if let Some((number, row)) = rows::try_decode::<SuccessionRow>(key, value) {
            successions.insert(number, row);
        }
    }
    let first = descriptors.remove(&0)?;
    let link = |(number, row): (u64, SuccessionRow)| {
        Some(DescriptorLink {
            descriptor: descriptors.get(&number)?.clone(),
            operator: row.operator,
            voters: row.voters,
        })
    };
    let links: Option<Vec<_>> = successions.into_iter().map(link).collect();
    Some(Descriptors {
        first,
        links: links?,
    })
}

/// The cluster's descriptors, with the signatures by which each follows the one before. None
/// before the first entry.
#[must_use]
pub fn descriptors(view: &dyn StateView) -> Option<Descriptors> {
    let first = rows::get::<DescriptorRow>(view, &0)?.0;
    let rows = rows::scan::<SuccessionRow>(view, &(), None, usize::MAX);
    let link = |(number, row): (u64, SuccessionRow)| DescriptorLink {
        descriptor: rows::require::<DescriptorRow>(view, &number).0,
        operator: row.operator,
        voters: row.voters,
    };
    let links = rows.into_iter().map(link).collect();
    Some(Descriptors { first, links })
}
