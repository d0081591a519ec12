//! Random histories over a few users, images and request ids, so that commands conflict.

use std::time::Duration;

use cameo_common::ids::{GrantId, Millis, NodeId};
use cameo_common::keys::PublicKey;
use proptest::prelude::*;

use crate::tests::cast::chain::link;
use crate::tests::cast::{
    CERTIFICATES_END, Offer, Person, ada, bob, cyd, descriptor, eve, image, puts, rights, sign,
};
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

struct Parties {
    grant: GrantId,
    owner: Person,
    viewer: Person,
}

pub fn people() -> [Person; 4] {
    [ada(), bob(), cyd(), eve()]
}

fn person(name: &cameo_common::ids::UserName) -> Person {
    let mut people = people().into_iter();
    people.find(|person| person.name == *name).unwrap()
}

/// The command of a step; `None` when it is of time, or of a grant or call that does not exist.
fn command(
    script: &mut Script,
    grants: &[Parties],
    transitions: &[Transition],
    step: &Step,
) -> Option<(Caller, Op)> {
    let (who, op) = match step.clone() {
        Step::Wait(millis) => {
            script.wait(millis);
            return None;
        }
        Step::ClockBack(millis) => {
            script.now = script.now.minus(Duration::from_millis(millis));
            return None;
        }
        Step::Again(number) => {
            let before = transitions.get(number)?.entry.command.clone();
            return Some((before.caller, before.op));
        }
        Step::Expire { who, epoch } => {
            let sessions = vec![(people()[who].device(), epoch)];
            return Some((Caller::Node(NodeId(1)), Op::ExpireSessions(sessions)));
        }
        step @ (Step::Register { .. }
        | Step::Start { .. }
        | Step::End { .. }
        | Step::Report { .. }
        | Step::Revoke { .. }) => directory_op(step)?,
        Step::Change {
            nodes,
            voters,
            is_old,
            force,
        } => {
            let previous = if is_old {
                descriptor()
            } else {
                script.descriptor()
            };
            let all = || previous.nodes.iter().map(|node| node.id.0 as u8).collect();
            let link = link(&previous, &nodes, &voters.unwrap_or_else(all));
            let op = Op::ChangeDescriptor { link, force };
            return Some((script.order(&op), op));
        }
        step => ledger_op(step, grants, script)?,
    };
    Some((script.call(&who, &op), op))
}

/// A command about users and sessions, and its caller.
fn directory_op(step: Step) -> Option<(Person, Op)> {
    let people = people();
    let command = match step {
        Step::Register {
            who,
            device,
            name,
            sequence,
        } => {
            let claims = people[who]
                .at_device(device)
                .under_name(people[name].name.as_str());
            let op = Op::Register {
                card: claims.card(sequence),
                certificate: claims.certificate(sequence, CERTIFICATES_END),
                invite: None,
            };
            (claims, op)
        }
        Step::Start {
            who,
            device,
            listed,
        } => {
            let who = people[who].at_device(device);
            let op = who.comes_online(1, listed);
            (who, op)
        }
        Step::End { who, epoch } => (people[who].clone(), Op::EndSession { epoch }),
        Step::Report { by, user, epoch } => {
            let user = people[user].name.clone();
            (people[by].clone(), Op::ReportOffline { user, epoch })
        }
        Step::Revoke {
            who,
            device,
            sequence,
        } => {
            let op = people[who].at_device(device).revokes(sequence);
            (people[who].clone(), op)
        }
        _ => return None,
    };
    Some(command)
}

/// A command about grants and views, and its caller.
fn ledger_op(step: Step, grants: &[Parties], script: &Script) -> Option<(Person, Op)> {
    let now = script.now;
    let parties = |number: usize| grants.get(number % grants.len().max(1));
    let people = people();
    let command = match step {
        Step::Create {
            owner,
            viewer,
            image: number,
            nonce,
            views,
            lasts_ms,
        } => {
            let (owner, viewer) = (&people[owner], &people[viewer]);
            let mut offer = Offer::with_nonce(owner, viewer, image(number), views, nonce);
            offer.rights.expires = lasts_ms.map(|span| now.plus_millis(span));
            offer.deal_to(&script.descriptor());
            (owner.clone(), offer.op())
        }
        Step::Put {
            grant,
            by_owner,
            version,
            views,
            lasts_ms,
            revoked,
        } => {
            let parties = parties(grant)?;
            let mut content = rights(&parties.owner, parties.grant, version, views);
            content.expires = lasts_ms.map(|span| now.plus_millis(span));
            content.revoked = revoked;
            let caller = if by_owner {
                &parties.owner
            } else {
                &parties.viewer
            };
            (caller.clone(), puts(content))
        }
        Step::Deal {
            grant,
            by_owner,
            missing,
            is_old,
        } => {
            let parties = parties(grant)?;
            let mut deal = script.next_deal(&parties.owner, parties.grant);
            deal.first_floor.used = deal.first_floor.used.saturating_sub(missing);
            if is_old {
                deal.descriptor = descriptor().hash();
            }
            let deal = sign(deal);
            let caller = if by_owner {
                &parties.owner
            } else {
                &parties.viewer
            };
            (caller.clone(), Op::PutDeal { deal })
        }
        Step::Ack { grant, version } => {
            let parties = parties(grant)?;
            let op = parties.viewer.acknowledges(parties.grant, version);
            (parties.viewer.clone(), op)
        }
        Step::Receipt { grant, at } => {
            let parties = parties(grant)?;
            (
                parties.owner.clone(),
                parties.viewer.receipt(parties.grant, at),
            )
        }
        Step::Debit {
            grant,
            who,
            device,
            id,
            one_time,
        } => {
            let parties = parties(grant)?;
            // Mostly by the viewer.
            let who = people.get(who).unwrap_or(&parties.viewer).at_device(device);
            let request = who.view_request(parties.grant, id, one_time);
            (who, Op::Debit { request })
        }
        _ => return None,
    };
    Some(command)
}
