//! The read side of the state: the bodies of `/v1` and the facts that a node needs. Visibility is
//! decided here, not in handlers.

mod directory;
mod events;
mod ledger;
mod operator;
mod redeal;
mod release;
mod replies;
mod statements;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::{DescriptorLink, Descriptors};
use cameo_common::ids::{ClusterId, Millis};

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
pub use statements::{GrantStatements, grant_statements};

use super::cluster;
use super::rows::{self, DescriptorRow, LogTime, SuccessionRow};
use super::state_view::StateView;

/// Log time: the greatest time of all entries that were carried out; the epoch before the first.
#[must_use]
pub fn log_time(view: &dyn StateView) -> Millis {
    rows::get::<LogTime>(view, &()).map_or(Millis::EPOCH, |row| row.0)
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
