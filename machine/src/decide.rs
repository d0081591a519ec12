//! The transition function: from the state and one entry to changes and a reply.
//!
//! Only a command that is carried out writes to the state. A refusal writes nothing, not even the
//! time, and is not stored: a repeat of a refused command is decided again. A repeat of a command
//! that was carried out gets the same reply and changes nothing.

use cameo_common::ids::{NodeId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::wire;
use cameo_mutant::{Mutant, is_planted};

use super::command::{Caller, Command, Done, ENTRY_VERSION, Entry, Op, Refusal, Reply};
use super::draft::Draft;
use super::state_view::{Change, StateView};
use super::{cluster, grants, principal, receipts, retries, rights, sessions, users, views};

/// The effect of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// In key order, at most one for each row; all are written in one batch.
    pub changes: Vec<Change>,
    pub reply: Reply,
    /// Users whose event stream or sessions changed, in order of name.
    pub touched: Vec<UserName>,
}

impl Decision {
    fn without_change(reply: Reply) -> Self {
        Self {
            changes: Vec::new(),
            reply,
            touched: Vec::new(),
        }
    }
}

/// Decides the entry at log index `index` over the state after all entries before it.
///
/// # Panics
/// When a row of the state does not decode: see the module `rows`.
#[must_use]
pub fn decide(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    let Entry { time, command, .. } = match decode(entry) {
        Ok(entry) => entry,
        Err(refusal) => return Decision::without_change(Err(refusal)),
    };
    let mut draft = Draft::new(view, index, time);
    if let Some(reply) = stored_reply(&draft, &command)
        && !is_planted(Mutant::ApplyTwiceOnRetry)
    {
        return Decision::without_change(reply);
    }
    match execute(&mut draft, &command) {
        Ok(done) => {
            let (changes, touched) = draft.finish();
            Decision {
                changes,
                reply: Ok(done),
                touched,
            }
        }
        Err(refusal) => Decision::without_change(Err(refusal)),
    }
}

/// Nodes of two versions would disagree on which entries are unknown, and versions are not
/// negotiated: an update that raises [`ENTRY_VERSION`] needs all nodes stopped (CONTRIBUTING.md).
fn decode(entry: &[u8]) -> Result<Entry, Refusal> {
    wire::decode::<Entry>(entry)
        .ok()
        .filter(|entry| entry.version == ENTRY_VERSION)
        .ok_or(Refusal::UnknownEntry)
}

/// The reply to a command that was carried out before.
///
/// It is looked for before all checks: lateness, or rights lowered since, do not undo a command.
fn stored_reply(draft: &Draft<'_>, command: &Command) -> Option<Reply> {
    match (&command.caller, &command.op) {
        // The view rows are the retry table of debits, and live as long as the grant.
        (Caller::Device { device, .. }, Op::Debit { request }) => {
            views::stored_reply(draft, device, request).map(Ok)
        }
        _ => retries::stored_reply(draft, command),
    }
}

fn execute(draft: &mut Draft<'_>, command: &Command) -> Result<Done, Refusal> {
    retries::check_time(draft, &command.caller)?;
    if cluster::founded(draft).is_none() && !matches!(command.op, Op::Found(_)) {
        return Err(Refusal::NotFounded);
    }
    let done = dispatch(draft, &command.caller, &command.op)?;
    retries::evict_old(draft);
    retries::store(draft, command, &done);
    Ok(done)
}

fn dispatch(draft: &mut Draft<'_>, caller: &Caller, op: &Op) -> Result<Done, Refusal> {
    let principal = device(caller).and_then(|device| principal::of(draft, &device));
    match op {
        Op::Found(descriptor) => cluster::found(draft, node(caller)?, descriptor),
        Op::ExpireSessions(sessions) => {
            node(caller)?;
            sessions::expire(draft, sessions)
        }
        Op::Register { card, certificate } => {
            users::register(draft, device(caller)?, card, certificate)
        }
        Op::StartSession { endpoint, listed } => {
            sessions::start(draft, &principal?, endpoint, *listed)
        }
        Op::EndSession { epoch } => sessions::end(draft, &principal?, *epoch),
        Op::ReportOffline { user, epoch } => {
            sessions::report_offline(draft, &principal?, user, *epoch)
        }
        Op::CreateGrant {
            request,
            manifest,
            deal,
            rights,
        } => grants::create(draft, &principal?, request, manifest, deal, rights),
        Op::PutReceipt { receipt } => receipts::put(draft, &principal?, receipt),
        Op::PutRights { rights } => rights::put(draft, &principal?, rights),
        Op::AckRights { ack } => rights::acknowledge(draft, &principal?, ack),
        Op::Debit { request } => views::debit(draft, &principal?, request),
    }
}

fn device(caller: &Caller) -> Result<PublicKey, Refusal> {
    match caller {
        Caller::Device { device, .. } => Ok(*device),
        Caller::Node(_) => Err(Refusal::Forbidden("device of a user".into())),
    }
}

fn node(caller: &Caller) -> Result<NodeId, Refusal> {
    match caller {
        Caller::Node(node) => Ok(*node),
        Caller::Device { .. } => Err(Refusal::Forbidden("nodes of the cluster".into())),
    }
}
