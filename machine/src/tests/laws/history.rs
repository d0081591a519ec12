//! Random histories over a few users, images and request ids, so that commands conflict.

mod commands;

use cameo_common::ids::{GrantId, Millis};
use cameo_common::keys::PublicKey;
use proptest::prelude::*;

use commands::command;

use crate::tests::cast::{Person, ada, bob, cyd, eve};
use crate::tests::script::Script;
use crate::{Caller, Command, Decision, Entry, MapView, Op, read};

/// One step of a history. Grants are numbered in order of creation.
#[derive(Debug, Clone)]
pub enum Step {
    /// Time passes, in milliseconds.
    Wait(u64),
    /// A new leader, whose clock is behind by this many milliseconds.
    ClockBack(u64),
    Register {
        who: usize,
        device: u8,
        name: usize,
        sequence: u64,
    },
    Start {
        who: usize,
        device: u8,
        listed: bool,
    },
    End {
        who: usize,
        epoch: u64,
    },
    Report {
        by: usize,
        user: usize,
        epoch: u64,
    },
    Expire {
        who: usize,
        epoch: u64,
    },
    Revoke {
        who: usize,
        device: u8,
        sequence: u64,
    },
    Create {
        owner: usize,
        viewer: usize,
        image: u8,
        nonce: u8,
        views: u32,
        lasts_ms: Option<u64>,
    },
    Put {
        grant: usize,
        by_owner: bool,
        version: u64,
        views: u32,
        lasts_ms: Option<u64>,
        revoked: bool,
    },
    Ack {
        grant: usize,
        version: u64,
    },
    Receipt {
        grant: usize,
        at: Millis,
    },
    Debit {
        grant: usize,
        who: usize,
        device: u8,
        id: u8,
        one_time: u8,
    },
    /// The nodes change.
    Change {
        nodes: Vec<u8>,
        /// All nodes of the descriptor before, if none are named.
        voters: Option<Vec<u8>>,
        /// It follows the first descriptor, whatever the current one is.
        is_old: bool,
        force: bool,
    },
    /// A grant is dealt again.
    Deal {
        grant: usize,
        by_owner: bool,
        /// Views used, less than there are.
        missing: u32,
        /// To the first descriptor, whatever the current one is.
        is_old: bool,
    },
    /// A repeat of an earlier call.
    Again(usize),
}

/// Most steps of a history.
pub const STEPS: usize = 60;

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..STEPS)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..4_000u64).prop_map(Step::Wait),
        1 => (0..4_000u64).prop_map(Step::ClockBack),
        2 => (0..4usize, 0..2u8, 0..5usize, 1..3u64).prop_map(|(who, device, name, sequence)| {
            // Mostly under their own name.
            let name = if name == 4 { (who + 1) % 4 } else { who };
            Step::Register { who, device, name, sequence }
        }),
        2 => (0..4usize, 0..2u8, any::<bool>())
            .prop_map(|(who, device, listed)| Step::Start { who, device, listed }),
        1 => (0..4usize, 0..4u64).prop_map(|(who, epoch)| Step::End { who, epoch }),
        1 => (0..4usize, 0..4usize, 0..4u64)
            .prop_map(|(by, user, epoch)| Step::Report { by, user, epoch }),
        1 => (0..4usize, 0..4u64).prop_map(|(who, epoch)| Step::Expire { who, epoch }),
        1 => (1..4usize, 0..2u8, 0..4u64)
            .prop_map(|(who, device, sequence)| Step::Revoke { who, device, sequence }),
        4 => (0..2usize, 1..4usize, 1..3u8, 1..4u8, 0..4u32, lasts_ms()).prop_map(
            |(owner, viewer, image, nonce, views, lasts_ms)| Step::Create {
                owner, viewer, image, nonce, views, lasts_ms,
            }
        ),
        5 => (0..4usize, any::<bool>(), 1..8u64, 0..5u32, lasts_ms(), prop::bool::weighted(0.2))
            .prop_map(|(grant, by_owner, version, views, lasts_ms, revoked)| Step::Put {
                grant, by_owner, version, views, lasts_ms, revoked,
            }),
        4 => (0..4usize, 1..8u64).prop_map(|(grant, version)| Step::Ack { grant, version }),
        1 => (0..4usize, (0..3u64).prop_map(Millis))
            .prop_map(|(grant, at)| Step::Receipt { grant, at }),
        8 => (0..4usize, 0..8usize, 0..2u8, 1..6u8, 1..3u8).prop_map(
            |(grant, who, device, id, one_time)| Step::Debit { grant, who, device, id, one_time }
        ),
        2 => (nodes(), voters(), prop::bool::weighted(0.1), prop::bool::weighted(0.3)).prop_map(
            |(nodes, voters, is_old, force)| Step::Change { nodes, voters, is_old, force }
        ),
        3 => (0..4usize, prop::bool::weighted(0.9), prop::bool::weighted(0.1),
            prop::bool::weighted(0.1))
            .prop_map(|(grant, by_owner, is_missing, is_old)| Step::Deal {
                grant, by_owner, missing: u32::from(is_missing), is_old,
            }),
        2 => (0..STEPS).prop_map(Step::Again),
    ]
}

/// Nodes are numbered 1 to 5.
fn nodes() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::subsequence(vec![1, 2, 3, 4, 5], 2..=4)
}

/// Mostly all that sign validly; sometimes fewer, and strangers.
fn voters() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::weighted(0.2, nodes())
}

fn lasts_ms() -> impl Strategy<Value = Option<u64>> {
    prop::option::weighted(0.3, 1..6_000u64)
}

/// One entry, its decision, and the state before and after it.
#[derive(Debug)]
pub struct Transition {
    pub index: u64,
    pub entry: Entry,
    pub before: MapView,
    pub decision: Decision,
    pub after: MapView,
}

impl Transition {
    /// The log's time at the entry.
    pub fn time(&self) -> Millis {
        read::log_time(&self.before).max(self.entry.time)
    }

    pub fn op(&self) -> &Op {
        &self.entry.command.op
    }

    /// The device that has signed the command, if one has.
    pub fn device(&self) -> Option<PublicKey> {
        match (&self.entry.command.caller, self.op()) {
            (Caller::Device(signed), _) => Some(signed.unverified().unwrap().device),
            (Caller::Signer, Op::Debit { request }) => Some(request.unverified().unwrap().device),
            _ => None,
        }
    }

    pub fn accepted(&self) -> bool {
        self.decision.reply.is_ok()
    }
}

/// Runs a history on a cluster where Ada, Bob and Cyd are registered, and Eve is not.
pub fn play(steps: &[Step]) -> Vec<Transition> {
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    let mut grants = Vec::new();
    let mut transitions: Vec<Transition> = Vec::new();
    for step in steps {
        let Some((caller, op)) = command(&mut script, &grants, &transitions, step) else {
            continue;
        };
        let entry = Entry::new(script.now, Command { caller, op });
        let before = script.state.clone();
        let decision = script.apply(&entry.encode());
        if let (Op::CreateGrant { manifest, .. }, Ok(_)) = (&entry.command.op, &decision.reply) {
            let content = manifest.unverified().unwrap();
            grants.push(Parties {
                grant: content.grant_id(),
                owner: person(&content.owner_name),
                viewer: person(&content.viewer_name),
            });
        }
        transitions.push(Transition {
            index: script.index,
            entry,
            before,
            decision,
            after: script.state.clone(),
        });
    }
    transitions
}

/// A grant that was made, and its parties.
pub struct Parties {
    pub grant: GrantId,
    pub owner: Person,
    pub viewer: Person,
}

pub fn people() -> [Person; 4] {
    [ada(), bob(), cyd(), eve()]
}

fn person(name: &cameo_common::ids::UserName) -> Person {
    let mut people = people().into_iter();
    people.find(|person| person.name == *name).unwrap()
}
