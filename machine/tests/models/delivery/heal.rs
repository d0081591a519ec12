//! Law B6: from any state, once nothing fails any more, the mailbox drains.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::laws::info;
use super::{Call, Delivery, State, mail, pending};

/// A session that is started after all others of the model.
pub const LAST_SESSION: u64 = 9;
/// Enough for every version to arrive once.
const ROUNDS: usize = 4;

/// What the outcome depends on: the ledger's digest, and what the viewer holds and has read.
pub type Known = Mutex<BTreeMap<(u64, u64, u64), bool>>;

/// Lets the viewer come online and do what its agent does, with no failure in between. Then the
/// mailbox is empty and the viewer holds what the ledger has.
pub fn drains(model: &Delivery, state: &State) -> bool {
    let viewer = &state.viewer;
    let key = (state.ledger.digest(), viewer.held(), viewer.cursor);
    if let Some(known) = model.healed.lock().unwrap().get(&key) {
        return *known;
    }
    let drained = run(model, state.clone());
    model.healed.lock().unwrap().insert(key, drained);
    drained
}

/// Carries what the ledger lacks, reads the stream, stores, and acknowledges.
fn run(model: &Delivery, mut state: State) -> bool {
    model.enter(&mut state, Call::Start(LAST_SESSION));
    let held = state.viewer.held();
    if held > info(model, &state).version {
        model.enter(&mut state, Call::Carry(held));
    }
    for _ in 0..ROUNDS {
        let unread = mail(state.ledger.rows(), model.grant, state.viewer.cursor);
        for (sequence, version) in unread {
            state.viewer.store(sequence, version);
        }
        // The outbox repeats the acknowledgement of the newest version until it is accepted.
        let held = state.viewer.held();
        if held > 0 {
            model.enter(&mut state, Call::Ack(held));
        }
    }
    pending(state.ledger.rows(), model.grant).is_none()
        && state.viewer.held() == info(model, &state).version
}
