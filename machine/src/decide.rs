//! The one door to the state: an entry goes in, changes and a reply come out.
//!
//! Only a command that is carried out writes anything. A refusal leaves no trace, not even the
//! time, and is not remembered: asking again is deciding again. A repeat of what was carried out
//! gets the very same reply and changes nothing.

use cameo_common::ids::{NodeId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::wire;

use super::command::{Caller, Command, Done, ENTRY_VERSION, Entry, Op, Refusal, Reply};
use super::draft::Draft;
use super::state_view::{Change, StateView};
use super::{cluster, grants, receipts, retries, rights, sessions, speaker, users, views};

/// What one entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Written in one batch; at most one change a row, in key order.
    pub changes: Vec<Change>,
    pub reply: Reply,
    /// Users whose event stream or sessions changed, in order.
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

/// Decides the entry at an index, from the state that all entries before it have left.
///
/// # Panics
/// When a row of the state does not decode: see `machine::rows`.
#[must_use]
pub fn decide(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    let Entry { time, command, .. } = match read(entry) {
        Ok(entry) => entry,
        Err(refusal) => return Decision::without_change(Err(refusal)),
    };
    let mut draft = Draft::new(view, index, time);
    if let Some(reply) = recall(&draft, &command) {
        return Decision::without_change(reply);
    }
    match carry_out(&mut draft, &command) {
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

/// A leader writes a later layout only once every member reads it, so all nodes agree on what is
/// unknown.
fn read(entry: &[u8]) -> Result<Entry, Refusal> {
    wire::decode::<Entry>(entry)
        .ok()
        .filter(|entry| entry.version == ENTRY_VERSION)
        .ok_or(Refusal::UnknownEntry)
}

/// The reply to a command that was here before.
///
/// This comes before everything else: neither a call that is late by now, nor rights that were
/// lowered since, make undone what was done.
fn recall(draft: &Draft<'_>, command: &Command) -> Option<Reply> {
    match (&command.caller, &command.op) {
        // A debit is known by its own id, for as long as its grant is.
        (Caller::Device { device, .. }, Op::Debit { request }) => {
            views::recall(draft, device, request).map(Ok)
        }
        _ => retries::recall(draft, command),
    }
}

fn carry_out(draft: &mut Draft<'_>, command: &Command) -> Result<Done, Refusal> {
    retries::admit(draft, &command.caller)?;
    if cluster::founded(draft).is_none() && !matches!(command.op, Op::Found(_)) {
        return Err(Refusal::NotFounded);
    }
    let done = dispatch(draft, &command.caller, &command.op)?;
    retries::forget_old(draft);
    retries::remember(draft, command, &done);
    Ok(done)
}

fn dispatch(draft: &mut Draft<'_>, caller: &Caller, op: &Op) -> Result<Done, Refusal> {
    let speaker = device(caller).and_then(|device| speaker::speaker(draft, &device));
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
            sessions::start(draft, &speaker?, endpoint, *listed)
        }
        Op::EndSession { epoch } => sessions::end(draft, &speaker?, *epoch),
        Op::ReportOffline { user, epoch } => {
            sessions::report_offline(draft, &speaker?, user, *epoch)
        }
        Op::CreateGrant {
            request,
            manifest,
            deal,
            rights,
        } => grants::create(draft, &speaker?, request, manifest, deal, rights),
        Op::PutReceipt { receipt } => receipts::put(draft, &speaker?, receipt),
        Op::PutRights { rights } => rights::put(draft, &speaker?, rights),
        Op::AckRights { ack } => rights::acknowledge(draft, &speaker?, ack),
        Op::Debit { request } => views::debit(draft, &speaker?, request),
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
