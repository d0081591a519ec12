//! Law B6: from any state, once nothing fails any more, the mailbox drains.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::laws::info;
use super::{Call, Delivery, State, mail, pending};

/// A session that is started after all others of the model.
pub const LAST_SESSION: u64 = 9;
/// Enough for every version to arrive once.
const ROUNDS: usize = 4;

/// What the outcome depends on: the ledger's digest, what is signed, and what the viewer holds and
/// has read.
pub type Known = Mutex<BTreeMap<(u64, u64, u64, u64), bool>>;

/// Lets the viewer come online and both agents do what they do, with no failure in between. Then
/// the mailbox is empty and the viewer holds what the ledger has.
pub fn drains(model: &Delivery, state: &State) -> bool {
    let viewer = &state.viewer;
    let key = (
        state.ledger.digest(),
        state.signed,
        viewer.held(),
        viewer.cursor,
    );
    if let Some(known) = model.healed.lock().unwrap().get(&key) {
        return *known;
    }
    let drained = run(model, state.clone());
    model.healed.lock().unwrap().insert(key, drained);
    drained
}

/// Carries what the ledger lacks, opens the stream and follows it; then the owner's outbox puts
/// what it has signed, which has to come by the same stream.
fn run(model: &Delivery, mut state: State) -> bool {
    model.enter(&mut state, Call::Start(LAST_SESSION));
    let held = state.viewer.held();
    if held > info(model, &state).version {
        model.enter(&mut state, Call::Carry(held));
    }
    let opened = model.pushed(&state);
    follow(model, &mut state, opened);
    let drained = is_drained(model, &state);
    let signed = state.signed;
    if signed > info(model, &state).version {
        model.enter(&mut state, Call::Put(signed));
        follow(model, &mut state, Vec::new());
    }
    drained && is_drained(model, &state)
}

/// Stores and acknowledges these events, and what an open stream has after them.
fn follow(model: &Delivery, state: &mut State, mut events: Vec<(u64, u64)>) {
    for _ in 0..ROUNDS {
        for (sequence, version) in events {
            state.viewer.store(sequence, version);
        }
        // The outbox repeats the acknowledgement of the newest version until it is accepted.
        let held = state.viewer.held();
        if held > 0 {
            model.enter(state, Call::Ack(held));
        }
        events = mail(state.ledger.rows(), model.grant, state.viewer.cursor);
    }
}

fn is_drained(model: &Delivery, state: &State) -> bool {
    pending(state.ledger.rows(), model.grant).is_none()
        && state.viewer.held() == info(model, state).version
}
