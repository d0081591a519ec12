//! Restore: a new cluster takes over the state of its predecessor, which its first descriptor
//! names, once the operator has approved it.
//!
//! The rows come through the log, piece by piece, so that every replica checks them against the
//! hash that was approved. Until the last one is in, nothing else is carried out. What a grant had
//! used counts as used; no grant opens before its owner has opened it again, with a deal to the
//! nodes of this cluster: those of the old one hold parts that nobody here can open.

use cameo_common::api::Role;
use cameo_common::ids::GrantId;
use cameo_common::op::Op;
use cameo_common::predecessor::{MAX_PIECE_ROWS, Piece, Predecessor};
use cameo_common::rights::MAX_PERMITTED;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, Reopening};

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::entry_version::{LaterVersion, check_reached};
use super::origin::check_cluster;
use super::principal::Principal;
use super::rows::{
    self, CurrentRights, DealRow, EntryVersion, Grant, GrantUsage, NextDue, NoticeKind, Restore,
    RestoreStage, Row as _, Stream, TakenOver, content,
};
use super::state_view::StateView;
use super::{cluster, deals, holders, live_grants, mailbox, notices};

/// Why no cluster can begin from a state that has this row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoBeginning {
    #[error("a row of it does not read: use the program that has made it, or a later one")]
    Unread,
    #[error("its cluster had not taken over all of its own predecessor's state: use that backup")]
    Restoring,
    #[error(transparent)]
    Later(#[from] LaterVersion),
}

/// Checks one row of the state that a cluster would begin from: pieces with a row that does not
/// read are refused once the cluster exists, and it would never serve.
///
/// # Errors
/// See [`NoBeginning`].
pub fn check_beginning(key: &[u8], value: &[u8]) -> Result<(), NoBeginning> {
    let kind = key.first().copied();
    if kind == Some(Restore::KIND as u8) {
        let row = rows::try_decode::<Restore>(key, value);
        let (_, row) = row.ok_or(NoBeginning::Unread)?;
        return match row.stage == RestoreStage::Done {
            true => Ok(()),
            false => Err(NoBeginning::Restoring),
        };
    }
    if kind == Some(EntryVersion::KIND as u8) {
        let row = rows::try_decode::<EntryVersion>(key, value);
        let (_, EntryVersion(version)) = row.ok_or(NoBeginning::Unread)?;
        return Ok(check_reached(version)?);
    }
    match rows::is_taken_over(key) && !rows::reads(key, value) {
        true => Err(NoBeginning::Unread),
        false => Ok(()),
    }
}

/// Notes the predecessor of a cluster that is founded.
pub fn begin(draft: &mut Draft<'_>, predecessor: Predecessor) {
    let stage = RestoreStage::NotApproved;
    draft.put(&(), &Restore { predecessor, stage });
}

/// Refuses all but the restore itself until it is done.
pub fn check_ready(draft: &Draft<'_>, op: &Op) -> Result<(), Refusal> {
    match op {
        Op::Found(_) | Op::ApproveRestore(_) | Op::TakeOver(_) => Ok(()),
        _ => pending(draft).map_or(Ok(()), Err),
    }
}

/// The refusal of a cluster that has not taken over all of its predecessor's state yet.
pub fn pending(view: &dyn StateView) -> Option<Refusal> {
    let restore = rows::get::<Restore>(view, &())?;
    let approved = match restore.stage {
        RestoreStage::Done => return None,
        RestoreStage::NotApproved => false,
        RestoreStage::Pieces { .. } => true,
    };
    Some(Refusal::Restoring { approved })
}

/// Permits that the predecessor's state is taken over. The operator calls.
pub fn approve(draft: &mut Draft<'_>, named: &Predecessor) -> Result<Done, Refusal> {
    let restore = begun(draft)?;
    if restore.predecessor != *named {
        let text = "this cluster begins from another state than that of the backup".to_owned();
        return Err(Refusal::Mismatch(text));
    }
    if restore.stage == RestoreStage::NotApproved {
        let (next, hash) = (0, named.content);
        put_stage(draft, restore, RestoreStage::Pieces { next, hash });
    }
    Ok(Done::Nothing)
}

/// Writes the rows of the next piece.
pub fn take_over(draft: &mut Draft<'_>, piece: &Piece) -> Result<Done, Refusal> {
    let restore = begun(draft)?;
    let (next, hash) = match restore.stage {
        RestoreStage::NotApproved => return Err(Refusal::Restoring { approved: false }),
        RestoreStage::Pieces { next, hash } => (next, hash),
        RestoreStage::Done => return Err(Refusal::OtherPiece { next: None }),
    };
    if piece.number != next || piece.rows.len() > MAX_PIECE_ROWS || piece.hash() != hash {
        return Err(Refusal::OtherPiece { next: Some(next) });
    }
    // What was approved has no other rows, unless the operator's program has another version.
    if !piece
        .rows
        .iter()
        .all(|(key, value)| rows::reads(key, value))
    {
        return Err(Refusal::Malformed);
    }
    for (key, value) in &piece.rows {
        put_row(draft, key, value);
    }
    let stage = match piece.next {
        Some(hash) => RestoreStage::Pieces {
            next: next.saturating_add(1),
            hash,
        },
        None => {
            // It was noted while there were no grants.
            draft.delete::<NextDue>(&());
            RestoreStage::Done
        }
    };
    put_stage(draft, restore, stage);
    Ok(Done::Nothing)
}

/// Writes a row as it was, but for what follows from what is left out.
fn put_row(draft: &mut Draft<'_>, key: &[u8], value: &[u8]) {
    if let Some((user, stream)) = rows::try_decode::<Stream>(key, value) {
        // Sequences go on, since clients know the last one; no notice is left.
        let stream = Stream {
            notices: 0,
            dropped: stream.last,
            ..stream
        };
        draft.put(&user, &stream);
        return;
    }
    if let Some((id, _)) = rows::try_decode::<Grant>(key, value) {
        draft.put(&id, &TakenOver { reopened: None });
    }
    draft.put_as_is(key, value);
}

fn begun(draft: &Draft<'_>) -> Result<Restore, Refusal> {
    let restore = draft.get::<Restore>(&());
    restore.ok_or_else(|| Refusal::Mismatch("this cluster does not begin from a backup".into()))
}

fn put_stage(draft: &mut Draft<'_>, restore: Restore, stage: RestoreStage) {
    draft.put(&(), &Restore { stage, ..restore });
}

/// Whether a grant was taken over, and its owner has not opened it again.
pub fn is_closed(view: &dyn StateView, id: &GrantId) -> bool {
    let taken_over = rows::get::<TakenOver>(view, id);
    taken_over.is_some_and(|row| row.reopened.is_none())
}

/// Refuses a grant that is closed.
pub fn check_open(view: &dyn StateView, id: &GrantId) -> Result<(), Refusal> {
    match is_closed(view, id) {
        false => Ok(()),
        true => Err(Refusal::ClosedByRestore),
    }
}

/// Opens a live grant that was taken over. The caller is the owner; also a retired one, since it
/// permits nothing that was not permitted before. The same statements again change nothing.
pub fn reopen(
    draft: &mut Draft<'_>,
    principal: &Principal,
    reopening: &Signed<Reopening>,
    deal: &Signed<Deal>,
) -> Result<Done, Refusal> {
    let statement = draft.verify(reopening)?;
    let dealt = draft.verify(deal)?;
    let id = statement.grant;
    let (grant, role) = live_grants::of_party(draft, &id, principal)?;
    if role != Role::Owner || statement.owner != grant.owner.key {
        return Err(Refusal::Forbidden("owner of the photo".into()));
    }
    check_cluster(draft, statement.cluster)?;
    if dealt.grant != id {
        return Err(Refusal::Mismatch("the deal is for another grant".into()));
    }
    deals::check_grant(draft, &dealt, &content(&grant.manifest))?;
    let rights = draft.require::<CurrentRights>(&id).rights();
    live_grants::check_live(&rights, draft.time())?;
    let usage = draft.require::<GrantUsage>(&id);
    if !is_closed(draft, &id) {
        return repeated(draft, &id, &usage, (reopening, deal));
    }
    let usage = raised(&usage, &statement, rights.version)?;
    let descriptor = cluster::current_descriptor(draft).ok_or(Refusal::NotFounded)?;
    deals::check_next(&dealt, &descriptor, &usage, rights.version)?;

    let reopened = Some(reopening.clone());
    draft.put(&id, &TakenOver { reopened });
    holders::add(draft, id, &rights, descriptor.number);
    let number = dealt.number;
    draft.put(&(id, number), &DealRow(deal.clone()));
    let usage = GrantUsage {
        deal: number,
        dealt_to: descriptor.number,
        ..usage
    };
    draft.put(&id, &usage);
    let viewer = &grant.viewer.name;
    notices::append(draft, viewer, NoticeKind::Dealt { grant: id, number });
    if usage.acknowledged < rights.version {
        // Their mail was not taken over.
        mailbox::post(draft, viewer, id, rights.version);
    }
    Ok(Done::Nothing)
}

/// The counters of a grant with what the owner says was used, which is not less than is known.
fn raised(
    usage: &GrantUsage,
    statement: &Reopening,
    rights_version: u64,
) -> Result<GrantUsage, Refusal> {
    let (used, known) = (statement.used, usage.used);
    let is_true = used == known || (known..=MAX_PERMITTED).contains(&used);
    if statement.rights_version != rights_version || !is_true {
        return Err(Refusal::StaleReopening {
            rights_version,
            used: known,
        });
    }
    Ok(GrantUsage {
        used,
        ..usage.clone()
    })
}

fn repeated(
    draft: &Draft<'_>,
    id: &GrantId,
    usage: &GrantUsage,
    (reopening, deal): (&Signed<Reopening>, &Signed<Deal>),
) -> Result<Done, Refusal> {
    let DealRow(newest) = draft.require(&(*id, usage.deal));
    let before = draft.get::<TakenOver>(id).and_then(|row| row.reopened);
    match before.as_ref() == Some(reopening) && newest == *deal {
        true => Ok(Done::Nothing),
        false => Err(Refusal::NotClosed),
    }
}
