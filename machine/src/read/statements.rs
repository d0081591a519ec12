//! The owner's statements about a grant, as the state has them. A node that acts on them verifies
//! their signatures itself.

use cameo_common::ids::GrantId;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, Manifest};

use crate::rows::{self, CurrentRights, DealRow, Grant, GrantUsage};
use crate::state_view::StateView;

/// What the owner has signed about a grant. No signature is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantStatements {
    pub manifest: Signed<Manifest>,
    /// The newest ones.
    pub rights: Signed<Rights>,
    /// The newest one.
    pub deal: Signed<Deal>,
}

/// The owner's statements about a grant; `None` when there is no such grant.
#[must_use]
pub fn grant_statements(view: &dyn StateView, id: &GrantId) -> Option<GrantStatements> {
    let grant = rows::get::<Grant>(view, id)?;
    let usage = rows::require::<GrantUsage>(view, id);
    Some(GrantStatements {
        manifest: grant.manifest,
        rights: rows::require::<CurrentRights>(view, id).0,
        deal: rows::require::<DealRow>(view, &(*id, usage.deal)).0,
    })
}
