//! Laws B1 to B6 over the states of the model.

use cameo_common::api::{EventKind, GrantInfo};
use cameo_machine::read;
use stateright::Property;

use super::{Bounds, Delivery, State, heal, pending};
use crate::cast::bob;

pub const B1: &str = "B1 an acked update is acknowledged, or it or a higher one is in the mailbox";
pub const B2: &str = "B2 what is delivered was put, byte for byte, and signed by the owner";
pub const B3: &str = "B3 the ledger's versions never go down";
pub const B4: &str = "B4 an acknowledgement removes no mail of a higher version";
pub const B5: &str = "B5 nothing is delivered again after its acknowledgement";
pub const B6: &str = "B6 once all is well, the mailbox drains and the viewer has the newest rights";

pub fn properties(bounds: &Bounds) -> Vec<Property<Delivery>> {
    let mut all = vec![
        Property::always(B1, kept),
        Property::always(B2, unchanged),
        Property::always(B3, never_down),
        Property::always(B4, acknowledged_only),
        Property::always(B5, not_again),
        Property::always(B6, heal::drains),
        Property::sometimes("the newest rights are acknowledged", all_acknowledged),
        Property::sometimes("the viewer is ahead of the ledger", ahead),
    ];
    if bounds.versions > 2 {
        all.push(Property::sometimes(
            "newer mail waits behind an acknowledgement",
            waits_behind,
        ));
    }
    all
}

fn acknowledged_only(_: &Delivery, state: &State) -> bool {
    !state.seen.newer_mail_lost
}

fn all_acknowledged(model: &Delivery, state: &State) -> bool {
    state.seen.acknowledged == model.bounds.versions
}

fn ahead(model: &Delivery, state: &State) -> bool {
    state.viewer.held() > info(model, state).version
}

fn waits_behind(model: &Delivery, state: &State) -> bool {
    let acknowledged = state.seen.acknowledged;
    acknowledged > 1 && pending(state.ledger.rows(), model.grant) > Some(acknowledged)
}

fn kept(model: &Delivery, state: &State) -> bool {
    let put = state.seen.put;
    let waiting = pending(state.ledger.rows(), model.grant);
    state.seen.acknowledged >= put || waiting.is_some_and(|version| version >= put)
}

fn unchanged(model: &Delivery, state: &State) -> bool {
    let signed = model.statements.range(..=state.signed);
    let mut put: Vec<_> = signed.map(|(_, statement)| statement).collect();
    if model.bounds.twin && state.signed >= 2 {
        put.push(&model.twin);
    }
    let events = read::events_after(state.ledger.rows(), &bob().name, 0, usize::MAX);
    events.into_iter().all(|event| match event.kind {
        EventKind::Rights { rights, .. } => put.contains(&&rights),
        _ => true,
    })
}

fn never_down(model: &Delivery, state: &State) -> bool {
    let info = info(model, state);
    info.acknowledged >= state.seen.acknowledged && info.version >= state.seen.put
}

fn not_again(model: &Delivery, state: &State) -> bool {
    pending(state.ledger.rows(), model.grant).is_none_or(|mail| mail > state.seen.acknowledged)
}

/// The grant as the viewer reads it.
pub fn info(model: &Delivery, state: &State) -> GrantInfo {
    read::grant_info(state.ledger.rows(), &model.grant, &bob().name).unwrap()
}
