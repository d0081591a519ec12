//! Reads for owners whose grants have to be dealt again after a change of the nodes.

use cameo_common::api::{GrantInfo, Role};
use cameo_common::ids::{GrantId, UserName};

use super::ledger::grant_info;
use super::log_time;
use crate::cluster::founded;
use crate::live_grants::is_live;
use crate::restore::is_closed;
use crate::rows::{self, CurrentRights, GrantOf, GrantUsage};
use crate::state_view::StateView;

/// Most grants of a user that one read looks at.
const LOOKED_AT: usize = 1_000;

/// A page of an owner's grants that have to be dealt again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantsToDealAgain {
    /// In order of id. Each has what the next deal is made by: the newest deal, the version of the
    /// rights, the views used.
    pub grants: Vec<GrantInfo>,
    /// Where to go on, if there may be more.
    pub next: Option<GrantId>,
}

/// The live grants of an owner, from the first after `after`, whose newest deal is not to the
/// current descriptor; at most `limit`. A page may be empty and not be the last one.
#[must_use]
pub fn grants_to_deal_again(
    view: &dyn StateView,
    owner: &UserName,
    after: Option<&GrantId>,
    limit: usize,
) -> GrantsToDealAgain {
    let after = after.map(|grant| (owner.clone(), *grant));
    let rows = rows::scan::<GrantOf>(view, owner, after.as_ref(), LOOKED_AT);
    let is_full = rows.len() == LOOKED_AT;
    let (mut grants, mut last) = (Vec::new(), None);
    for ((_, id), _) in rows {
        if grants.len() == limit {
            return GrantsToDealAgain { grants, next: last };
        }
        last = Some(id);
        if is_to_deal_again(view, &id) {
            let info = grant_info(view, &id, owner);
            grants.extend(info.filter(|info| info.role == Role::Owner));
        }
    }
    let next = last.filter(|_| is_full);
    GrantsToDealAgain { grants, next }
}

fn is_to_deal_again(view: &dyn StateView, id: &GrantId) -> bool {
    let current = founded(view).map(|founded| founded.current);
    let usage = rows::require::<GrantUsage>(view, id);
    let rights = || rows::require::<CurrentRights>(view, id).rights();
    Some(usage.dealt_to) != current && !is_closed(view, id) && is_live(&rights(), log_time(view))
}
