//! Reads of the ledger: grants and views, for the parties of the grant only.

use std::collections::BTreeSet;

use cameo_common::api::{GrantInfo, GrantList, LogInfo, Role, ViewTaken};
use cameo_common::ids::{GrantId, UserName};

use super::directory::retired;
use crate::restore::is_closed;
use crate::rows::{
    self, Certificate, CurrentRights, DealRow, Grant, GrantOf, GrantUsage, Mail, ReceiptRow,
    ViewNumber, ViewRow,
};
use crate::state_view::StateView;

/// A grant as the asker sees it; `None` when there is no such grant or the asker is no party to it.
#[must_use]
pub fn grant_info(view: &dyn StateView, id: &GrantId, asker: &UserName) -> Option<GrantInfo> {
    let grant = rows::get::<Grant>(view, id)?;
    let role = grant.role_of(asker)?;
    Some(info(view, *id, grant, role))
}

fn info(view: &dyn StateView, id: GrantId, grant: Grant, role: Role) -> GrantInfo {
    let current = rows::require::<CurrentRights>(view, &id);
    let usage = rows::require::<GrantUsage>(view, &id);
    let rights = current.rights();
    let mail = (grant.viewer.name.clone(), id);
    let other = match role {
        Role::Owner => &grant.viewer.name,
        Role::Viewer => &grant.owner.name,
    };
    let other_retired = retired(view, other);
    GrantInfo {
        grant: id,
        role,
        owner: grant.owner.name,
        viewer: grant.viewer.name,
        image: grant.image,
        created: grant.created,
        manifest: grant.manifest,
        rights: current.0,
        deal: rows::require::<DealRow>(view, &(id, usage.deal)).0,
        version: rights.version,
        permitted: rights.permitted,
        used: usage.used,
        left: rights.left(usage.used),
        expires: rights.expires,
        revoked: rights.revoked,
        receipt: rows::get::<ReceiptRow>(view, &id).map(|row| row.0),
        acknowledged: usage.acknowledged,
        in_mailbox: rows::get::<Mail>(view, &mail).is_some(),
        other_retired,
        closed: is_closed(view, &id),
    }
}

/// A page of the grants that a user is a party to, in order of id; at most [`GrantList::LIMIT`].
#[must_use]
pub fn grants_of(
    view: &dyn StateView,
    user: &UserName,
    after: Option<&GrantId>,
    limit: usize,
) -> GrantList {
    let limit = limit.min(GrantList::LIMIT);
    let after = after.map(|grant| (user.clone(), *grant));
    let mut rows = rows::scan::<GrantOf>(view, user, after.as_ref(), limit + 1);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let grants = rows
        .into_iter()
        .filter_map(|((_, id), _)| grant_info(view, &id, user))
        .collect();
    GrantList { grants, more }
}

/// Views after number `after` (0 for all), at most `limit`, in order of number; `None` unless the
/// asker is the grant's owner.
#[must_use]
pub fn grant_log(
    view: &dyn StateView,
    id: &GrantId,
    asker: &UserName,
    after: u32,
    limit: usize,
) -> Option<LogInfo> {
    let grant = rows::get::<Grant>(view, id)?;
    if grant.role_of(asker)? != Role::Owner {
        return None;
    }
    let numbers = rows::scan::<ViewNumber>(view, id, Some(&(*id, after)), limit);
    let taken = |((_, number), ViewNumber(request))| {
        let row = rows::require::<ViewRow>(view, &(*id, request));
        ViewTaken {
            number,
            at: row.at,
            request: row.request,
            certificate: row.certificate,
        }
    };
    let views: Vec<_> = numbers.into_iter().map(taken).collect();
    let hashes: BTreeSet<_> = views.iter().map(|view| view.certificate).collect();
    let certificate = |hash| rows::require::<Certificate>(view, &hash).0;
    Some(LogInfo {
        grant: *id,
        certificates: hashes.into_iter().map(certificate).collect(),
        views,
    })
}
