//! Views of one grant: debits from two devices, repeated after crashes, while the owner raises,
//! lowers, revokes and restores the rights and time passes; and what a node may release. Laws L1 to
//! L6, as far as the machine decides them.
//!
//! What is exhausted: every order of the calls within the bounds, each entered any number of times.
//! A repeat under the same id is a retry after a crash, of the node that has committed and not
//! replied as of the device that has stored its one-time key and lost the reply. A device that was
//! restored from a backup asks under a used id with another one-time key, and another device under
//! an id that is not its own.
//!
//! A node releases from its own applied state, behind a barrier: that is the state after some
//! entries, and so a state of the model, whose clock may be later than its log. So releases are
//! checked in every state. The clock has three values: the start, the expiry of the rights that
//! expire, and the end of the time to resume. Calls are signed anew at each.

pub mod laws;
mod specification;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cameo_common::ids::{GrantId, Millis};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;
use cameo_machine::limits::RESUME_WINDOW;
use cameo_machine::{MapView, Op, read};
use stateright::{Model, Property};

use self::specification::Specification;
use crate::broken;
use crate::cast::{START, ada, bob, puts, rights};
use crate::ledger::{self, Decide, Ledger};
use crate::report::{assert_all_laws, assert_refuted};

/// Whether a node with this state releases its part at a time.
pub type Release = fn(&MapView, &Signed<ViewRequest>, Millis) -> bool;

/// Views that the first rights permit.
pub const PERMITTED: u32 = 2;
/// Log time: its values.
const TIMES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(60), RESUME_WINDOW];
/// The first index after the creation of the grant.
const FIRST_INDEX: u64 = 6;

#[derive(Debug)]
pub struct Views {
    decide: Decide,
    release: Release,
    grant: GrantId,
    start: Ledger,
    requests: BTreeMap<Request, Signed<ViewRequest>>,
    entries: BTreeMap<(Call, usize), Vec<u8>>,
}

/// A view request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Request {
    One,
    Two,
    /// From the viewer's second device.
    Three,
    /// The id of the first with another one-time key.
    OneWithOtherKey,
    /// The id of the first from the second device.
    OneFromOtherDevice,
}

impl Request {
    const ALL: [Self; 5] = [
        Self::One,
        Self::Two,
        Self::Three,
        Self::OneWithOtherKey,
        Self::OneFromOtherDevice,
    ];

    fn id(self) -> u8 {
        match self {
            Self::One | Self::OneWithOtherKey | Self::OneFromOtherDevice => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    fn sign(self, grant: GrantId) -> Signed<ViewRequest> {
        let device = u8::from(matches!(self, Self::Three | Self::OneFromOtherDevice));
        let one_time = if self == Self::OneWithOtherKey { 2 } else { 1 };
        bob()
            .at_device(device)
            .view_request(grant, self.id(), one_time)
    }
}

/// What the owner says in new rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Update {
    Raise,
    Lower,
    Revoke,
    Expire,
}

impl Update {
    fn rights(self, grant: GrantId, version: u64) -> Rights {
        let permitted = match self {
            Self::Raise => PERMITTED + 1,
            Self::Lower => PERMITTED - 1,
            Self::Revoke | Self::Expire => PERMITTED,
        };
        Rights {
            revoked: self == Self::Revoke,
            expires: (self == Self::Expire).then(|| START.plus(TIMES[1])),
            ..rights(&ada(), grant, version, permitted)
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Debit(Request),
    /// Version and content of new rights.
    Put(u64, Update),
}

impl Call {
    fn all() -> impl Iterator<Item = Self> {
        let second = [Update::Raise, Update::Lower, Update::Revoke, Update::Expire];
        let third = [Update::Raise, Update::Revoke];
        let debits = Request::ALL.into_iter().map(Self::Debit);
        let second = second.into_iter().map(|update| Self::Put(2, update));
        let third = third.into_iter().map(|update| Self::Put(3, update));
        debits.chain(second).chain(third)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Enter(Call),
    TimePasses,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    ledger: Ledger,
    /// Entries that have changed the state since the start.
    entries: u64,
    /// Log time, as a position in [`TIMES`].
    time: usize,
    /// The same by the specification.
    expected: Specification,
    /// Laws that a reply has broken.
    broken: BTreeSet<&'static str>,
}

impl Views {
    fn new(decide: Decide, release: Release) -> Self {
        let (start, grant) = Ledger::with_grant(PERMITTED);
        let sign = |request: Request| (request, request.sign(grant));
        let mut model = Self {
            decide,
            release,
            grant,
            start,
            requests: Request::ALL.into_iter().map(sign).collect(),
            entries: BTreeMap::new(),
        };
        for call in Call::all() {
            for time in 0..TIMES.len() {
                let entry = model.entry(call, time);
                model.entries.insert((call, time), entry);
            }
        }
        model
    }

    fn entry(&self, call: Call, time: usize) -> Vec<u8> {
        let (who, request, op) = match call {
            Call::Debit(request) => {
                let device = u8::from(matches!(
                    request,
                    Request::Three | Request::OneFromOtherDevice
                ));
                let request = self.requests[&request].clone();
                (bob().at_device(device), 1, Op::Debit { request })
            }
            Call::Put(version, update) => {
                let request = 10 * version as u8 + update as u8;
                (ada(), request, puts(update.rights(self.grant, version)))
            }
        };
        let at = time_of(time);
        ledger::Call::signed_at(&who, request, op, at).entry(at)
    }

    fn enter(&self, state: &mut State, call: Call) {
        let entry = &self.entries[&(call, state.time)];
        let index = FIRST_INDEX + state.entries;
        let (ledger, decision) = state.ledger.enter(self.decide, index, entry);
        let changed = !decision.changes.is_empty();
        state.entries += u64::from(changed);
        state.ledger = ledger;
        let broken = match call {
            Call::Debit(request) => {
                state
                    .expected
                    .debit(request, state.time, &decision.reply, changed)
            }
            Call::Put(version, update) => {
                let rights = update.rights(self.grant, version);
                state.expected.put(&rights, &decision.reply);
                None
            }
        };
        state.broken.extend(broken);
    }
}

fn time_of(time: usize) -> Millis {
    START.plus(TIMES[time])
}

/// The node's own check.
fn release(rows: &MapView, request: &Signed<ViewRequest>, now: Millis) -> bool {
    let content = request.unverified().unwrap();
    read::release_check(rows, request, &content, now).is_ok()
}

impl Model for Views {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            ledger: self.start.clone(),
            entries: 0,
            time: 0,
            expected: Specification::new(rights(&ada(), self.grant, 1, PERMITTED)),
            broken: BTreeSet::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(Call::all().map(Action::Enter));
        actions.extend((state.time + 1 < TIMES.len()).then_some(Action::TimePasses));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Enter(call) => self.enter(&mut state, call),
            Action::TimePasses => state.time += 1,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        laws::properties()
    }
}

#[test]
fn given_retries_revocations_and_two_devices_then_all_laws_of_views_hold() {
    assert_all_laws("views", Views::new(ledger::decide, release));
}

#[test]
fn given_a_machine_that_breaks_one_law_of_views_then_that_law_is_refuted() {
    for (name, law, decide) in broken::views::MACHINES {
        assert_refuted(name, law, Views::new(*decide, release));
    }
}

#[test]
fn given_a_node_that_releases_too_much_then_the_law_is_refuted() {
    for (name, law, release) in broken::views::RELEASES {
        assert_refuted(name, law, Views::new(ledger::decide, *release));
    }
}
