//! Replies to commands that were carried out, as they are in the state.

use cameo_common::op::Op;
use cameo_common::signed::Strict;

use crate::command::{Caller, Command, Done};
use crate::draft::Draft;
use crate::rows::{self, Retry};
use crate::state_view::StateView;
use crate::views;

/// Whether a command that is carried out leaves its reply in the state. Those of nodes and of
/// tokens, which may be repeated, leave none.
#[must_use]
pub fn leaves_a_reply(command: &Command) -> bool {
    match (&command.caller, &command.op) {
        (Caller::Device(_) | Caller::Operator(_), _) | (Caller::Signer, Op::Debit { .. }) => true,
        (Caller::Node(_) | Caller::Signer, _) => false,
    }
}

/// The reply that a command has left; None when it was not carried out.
#[must_use]
pub fn stored_reply(view: &dyn StateView, command: &Command) -> Option<Done> {
    let (key, content) = match (&command.caller, &command.op) {
        (Caller::Device(signed), _) => {
            let call = signed.unverified().ok()?;
            ((call.device, call.request), call.op)
        }
        (Caller::Operator(signed), _) => {
            let order = signed.unverified().ok()?;
            ((order.operator, order.request), order.op)
        }
        (Caller::Signer, Op::Debit { request }) => {
            let asked = request.unverified().ok()?;
            let draft = Draft::new(view, &Strict, 0, super::log_time(view));
            return views::stored_reply(&draft, &asked, request);
        }
        (Caller::Node(_) | Caller::Signer, _) => return None,
    };
    let retry = rows::get::<Retry>(view, &key)?;
    (retry.content == content).then_some(retry.done)
}
