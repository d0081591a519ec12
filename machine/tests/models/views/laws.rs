//! Laws L1 to L6 over the states of the model.

use cameo_machine::read;
use stateright::Property;

use super::{State, TIMES, Views, time_of};
use crate::cast::{ada, bob};

pub const L1: &str = "L1 debits and reads are a counter with request ids";
pub const L2: &str = "L2 at each debit, debits so far are permitted";
pub const L3: &str =
    "L3 one request id is charged once and answered alike; a refusal charges nothing";
pub const L4: &str = "L4 left is permitted less debits, never below zero";
pub const L5: &str = "L5 no release under rights that are revoked, expired or used up";
pub const L6: &str = "L6 no release without its own debit, or after the time to resume";
pub const RESUME: &str = "a charged view is released again to its device";

pub fn properties() -> Vec<Property<Views>> {
    vec![
        Property::always(L1, |model: &Views, state: &State| {
            holds(state, L1) && reads_agree(model, state)
        }),
        Property::always(L2, |_, state: &State| holds(state, L2)),
        Property::always(L3, |_, state: &State| holds(state, L3)),
        Property::always(L4, |model: &Views, state: &State| {
            let info = read::grant_info(state.ledger.rows(), &model.grant, &bob().name).unwrap();
            info.left == state.expected.left()
        }),
        Property::always(L5, |model: &Views, state: &State| {
            releases(model, state).all(|release| !release.given || release.permitted)
        }),
        Property::always(L6, |model: &Views, state: &State| {
            releases(model, state).all(|release| !release.given || release.debited)
        }),
        Property::always(RESUME, |model: &Views, state: &State| {
            releases(model, state)
                .all(|release| release.given || !(release.debited && release.permitted))
        }),
        Property::sometimes(
            "rights are lowered below what is used",
            |_, state: &State| state.expected.views.len() as u32 > state.expected.rights.permitted,
        ),
        Property::sometimes(
            "a view is taken after a revocation was undone",
            |_, state: &State| {
                state.expected.rights.version == 3 && state.expected.views.len() == 3
            },
        ),
    ]
}

fn holds(state: &State, law: &str) -> bool {
    !state.broken.contains(law)
}

/// Whether the counter and the owner's list of views are those of the specification.
fn reads_agree(model: &Views, state: &State) -> bool {
    let rows = state.ledger.rows();
    let info = read::grant_info(rows, &model.grant, &ada().name).unwrap();
    let log = read::grant_log(rows, &model.grant, &ada().name, 0, usize::MAX).unwrap();
    let listed = log
        .views
        .iter()
        .map(|view| (view.number, &view.request, view.at));
    let expected = (1..).zip(&state.expected.views);
    let expected = expected
        .map(|(number, (request, time, _))| (number, &model.requests[request], time_of(*time)));
    info.used as usize == state.expected.views.len() && listed.eq(expected)
}

/// What a node does when it is asked for its part.
struct Asked {
    given: bool,
    /// By the specification: this very request is debited, and may still be resumed.
    debited: bool,
    /// By the specification: the rights permit that view by now.
    permitted: bool,
}

/// Every request, by the clock of the state. A later clock is that of another state. The time to
/// resume is log time, which stands still without entries.
fn releases<'a>(model: &'a Views, state: &'a State) -> impl Iterator<Item = Asked> + 'a {
    let clock = state.time;
    let logged = read::log_time(state.ledger.rows());
    model.requests.iter().map(move |(request, signed)| {
        let views = &state.expected.views;
        let place = views.iter().position(|(view, ..)| view == request);
        let in_time = |place: usize| logged < time_of(views[place].1).plus(TIMES[2]);
        Asked {
            given: (model.release)(state.ledger.rows(), signed, time_of(clock)),
            debited: place.is_some_and(in_time),
            permitted: place.is_some_and(|place| state.expected.denied(place + 1, clock).is_none()),
        }
    })
}
