//! Delivery of rights: an owner updates a grant directly and through the ledger, a viewer receives
//! from both, acknowledges, registers anew and crashes. Laws B1 to B6.
//!
//! What is exhausted: every order of what follows, within [`Bounds`]. Calls to the cluster may be
//! lost, overtaken and repeated under the same request id at any time, as after the crash of a node
//! that has committed but not replied. Events may be pushed by any node, arrive late, twice and out
//! of order. A crash of the viewer loses what was not stored and breaks the stream. The viewer may
//! carry what came directly to the ledger. The owner may have signed another statement with version
//! 2, as from a restored backup.
//!
//! Log time stands still, and a call's not-after is never reached.

mod heal;
pub mod laws;

use std::collections::{BTreeMap, BTreeSet};

use cameo_common::api::{Event, EventKind};
use cameo_common::ids::GrantId;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_machine::{MapView, Op, read};
use stateright::{Model, Property};

use crate::broken;
use crate::cast::{START, ada, bob, rights, sign};
use crate::ledger::{self, Decide, Ledger};
use crate::report::{assert_all_laws, assert_refuted};

/// How far a model goes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Versions that the owner signs, the first included.
    versions: u64,
    /// Sessions that the viewer starts.
    sessions: u64,
    crashes: u8,
    /// Different events on their way at a time.
    in_flight: usize,
    /// Whether the viewer carries what came directly to the ledger, and sends a receipt.
    carries: bool,
    /// Whether there is a second statement with version 2.
    twin: bool,
}

#[derive(Debug)]
pub struct Delivery {
    bounds: Bounds,
    decide: Decide,
    grant: GrantId,
    /// The state after the creation of the grant.
    start: Ledger,
    /// What the owner signs, by version.
    statements: BTreeMap<u64, Signed<Rights>>,
    /// Another statement with version 2.
    twin: Signed<Rights>,
    /// Each call as it is entered.
    entries: BTreeMap<Call, Vec<u8>>,
    healed: heal::Known,
}

/// Calls to the cluster. Each has one request id and may be entered any number of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// The owner puts a version.
    Put(u64),
    /// The owner puts another statement with version 2.
    PutTwin,
    /// The viewer carries to the ledger what came directly.
    Carry(u64),
    Ack(u64),
    Receipt,
    Start(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Sign,
    Enter(Call),
    /// A node pushes what the viewer has not read.
    Push,
    /// An event arrives: sequence and version.
    Receive(u64, u64),
    /// The owner's device delivers a version.
    DeliverDirectly(u64),
    /// The viewer stores what arrived, and queues its acknowledgement.
    Store,
    /// The viewer asks for another session.
    Register,
    /// The viewer's device fails and comes back.
    Crash,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    ledger: Ledger,
    /// The newest version that the owner has signed.
    signed: u64,
    /// Sessions that the viewer has asked for.
    sessions: u64,
    in_flight: BTreeSet<(u64, u64)>,
    viewer: Viewer,
    crashes: u8,
    seen: Seen,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// What arrived and is not stored yet: sequence (0 if it came directly) and version.
    arrived: Option<(u64, u64)>,
    /// Stored: the versions to acknowledge, of which the viewer holds the highest.
    stored: BTreeSet<u64>,
    /// Stored: the sequence up to which the stream was read.
    cursor: u64,
}

impl Viewer {
    /// The version that the viewer holds; 0 for none.
    fn held(&self) -> u64 {
        self.stored.last().copied().unwrap_or(0)
    }

    fn store(&mut self, sequence: u64, version: u64) {
        self.stored.insert(version);
        self.cursor = self.cursor.max(sequence);
    }
}

/// What the cluster's definite answers were, for the laws.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub struct Seen {
    /// The highest version that the ledger said to have.
    put: u64,
    /// The highest version whose acknowledgement was accepted.
    acknowledged: u64,
    /// Whether an acknowledgement took away mail of a higher version.
    newer_mail_lost: bool,
}

impl Delivery {
    fn new(bounds: Bounds, decide: Decide) -> Self {
        let (start, grant) = Ledger::with_grant(1);
        let statement = |version, permitted| sign(rights(&ada(), grant, version, permitted));
        let versions = 1..=bounds.versions;
        let mut model = Self {
            bounds,
            decide,
            grant,
            start,
            statements: versions
                .map(|version| (version, statement(version, 1)))
                .collect(),
            twin: statement(2, 7),
            entries: BTreeMap::new(),
            healed: heal::Known::default(),
        };
        model.entries = model
            .all_calls()
            .map(|call| (call, model.entry(call)))
            .collect();
        model
    }

    fn all_calls(&self) -> impl Iterator<Item = Call> {
        let versions = 1..=self.bounds.versions;
        let sessions = (1..=self.bounds.sessions).chain([heal::LAST_SESSION]);
        let of_version = |version| [Call::Put(version), Call::Carry(version), Call::Ack(version)];
        versions
            .flat_map(of_version)
            .chain(sessions.map(Call::Start))
            .chain([Call::PutTwin, Call::Receipt])
    }

    fn entry(&self, call: Call) -> Vec<u8> {
        let put = |rights: &Signed<Rights>| Op::PutRights {
            rights: rights.clone(),
        };
        let (who, request, op) = match call {
            Call::Put(version) => (ada(), 10 + version, put(&self.statements[&version])),
            Call::PutTwin => (ada(), 20, put(&self.twin)),
            Call::Carry(version) => (bob(), 30 + version, put(&self.statements[&version])),
            Call::Ack(version) => (bob(), 40 + version, bob().acknowledges(self.grant, version)),
            Call::Receipt => (bob(), 50, bob().receipt(self.grant, START)),
            Call::Start(session) => (bob(), 60 + session, bob().comes_online(session, true)),
        };
        ledger::Call::new(&who, request as u8, op).entry(START)
    }

    /// The calls that somebody may have sent by now.
    fn calls(&self, state: &State) -> Vec<Call> {
        let puts = (2..=state.signed).map(Call::Put);
        let twin = (self.bounds.twin && state.signed >= 2).then_some(Call::PutTwin);
        let stored = &state.viewer.stored;
        let carries = stored
            .iter()
            .filter(|version| self.bounds.carries && **version > 1);
        let carries = carries.map(|version| Call::Carry(*version));
        let acks = stored.iter().map(|version| Call::Ack(*version));
        let receipt = (self.bounds.carries && stored.contains(&1)).then_some(Call::Receipt);
        let starts = (1..=state.sessions).map(Call::Start);
        puts.chain(twin)
            .chain(carries)
            .chain(acks)
            .chain(receipt)
            .chain(starts)
            .collect()
    }

    /// The mail that a stream has for the viewer: what was read and not acknowledged, then what
    /// was not read.
    fn pushed(&self, state: &State) -> Vec<(u64, u64)> {
        let (rows, cursor) = (state.ledger.rows(), state.viewer.cursor);
        let again = read::mail_between(rows, &bob().name, 0, cursor, usize::MAX);
        let mut pushed = versions(again, self.grant);
        pushed.extend(mail(rows, self.grant, cursor));
        pushed
    }

    fn enter(&self, state: &mut State, call: Call) {
        let before = pending(state.ledger.rows(), self.grant);
        let (ledger, decision) = state.ledger.enter(self.decide, 1, &self.entries[&call]);
        state.ledger = ledger;
        if decision.reply.is_err() {
            return;
        }
        let seen = &mut state.seen;
        match call {
            Call::Put(version) | Call::Carry(version) => seen.put = seen.put.max(version),
            Call::PutTwin => seen.put = seen.put.max(2),
            Call::Receipt => seen.acknowledged = seen.acknowledged.max(1),
            Call::Ack(version) => {
                seen.acknowledged = seen.acknowledged.max(version);
                let newer = before.is_some_and(|mail| mail > version);
                seen.newer_mail_lost |= newer && pending(state.ledger.rows(), self.grant) != before;
            }
            Call::Start(_) => {}
        }
    }
}

/// The mail that a read of the viewer's stream delivers: sequences and versions.
fn mail(rows: &MapView, grant: GrantId, after: u64) -> Vec<(u64, u64)> {
    let events = read::events_after(rows, &bob().name, after, usize::MAX);
    versions(events, grant)
}

fn versions(events: Vec<Event>, grant: GrantId) -> Vec<(u64, u64)> {
    let rights = events.into_iter().filter_map(|event| match event.kind {
        EventKind::Rights { grant: of, rights } if of == grant => {
            Some((event.sequence, rights.unverified().unwrap().version))
        }
        _ => None,
    });
    rights.collect()
}

/// The version in the mailbox.
fn pending(rows: &MapView, grant: GrantId) -> Option<u64> {
    mail(rows, grant, 0).last().map(|(_, version)| *version)
}

impl Model for Delivery {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            ledger: self.start.clone(),
            signed: 1,
            sessions: 0,
            in_flight: BTreeSet::new(),
            viewer: Viewer::default(),
            crashes: 0,
            seen: Seen {
                put: 1,
                ..Seen::default()
            },
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let Bounds {
            versions,
            sessions,
            crashes,
            ..
        } = self.bounds;
        actions.extend((state.signed < versions).then_some(Action::Sign));
        actions.extend(self.calls(state).into_iter().map(Action::Enter));
        actions.push(Action::Push);
        actions.extend((state.sessions < sessions).then_some(Action::Register));
        actions.extend((state.crashes < crashes).then_some(Action::Crash));
        if state.viewer.arrived.is_some() {
            actions.push(Action::Store);
        } else {
            let events = state.in_flight.iter();
            actions.extend(events.map(|(sequence, version)| Action::Receive(*sequence, *version)));
            let direct = state.viewer.held() + 1..=state.signed;
            actions.extend(direct.map(Action::DeliverDirectly));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Sign => state.signed += 1,
            Action::Enter(call) => self.enter(&mut state, call),
            Action::Push => {
                state.in_flight.extend(self.pushed(&state));
                if state.in_flight.len() > self.bounds.in_flight {
                    return None;
                }
            }
            Action::Receive(sequence, version) => state.viewer.arrived = Some((sequence, version)),
            Action::DeliverDirectly(version) => state.viewer.arrived = Some((0, version)),
            Action::Store => {
                let (sequence, version) = state.viewer.arrived.take()?;
                state.viewer.store(sequence, version);
            }
            Action::Register => state.sessions += 1,
            Action::Crash => {
                state.crashes += 1;
                state.viewer.arrived = None;
                state.in_flight.clear();
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        laws::properties(&self.bounds)
    }
}

const UPDATES: Bounds = Bounds {
    versions: 3,
    sessions: 1,
    crashes: 1,
    in_flight: 1,
    carries: false,
    twin: false,
};

const TWINS: Bounds = Bounds {
    versions: 2,
    sessions: 1,
    crashes: 1,
    in_flight: 2,
    carries: true,
    twin: true,
};

#[test]
fn given_two_updates_a_new_session_and_a_crash_then_all_laws_of_delivery_hold() {
    let model = Delivery::new(UPDATES, ledger::decide);
    assert_all_laws("delivery, two updates", model);
}

#[test]
fn given_two_statements_of_one_version_then_all_laws_of_delivery_hold() {
    let model = Delivery::new(TWINS, ledger::decide);
    assert_all_laws("delivery, twin statements", model);
}

#[test]
fn given_a_machine_that_breaks_one_law_of_delivery_then_that_law_is_refuted() {
    for (name, law, decide) in broken::delivery::ALL {
        assert_refuted(name, law, Delivery::new(UPDATES, *decide));
    }
}
