//! The command of each step of a random history.

use std::time::Duration;

use cameo_common::ids::NodeId;

use super::{Parties, Step, Transition, people};
use crate::tests::cast::chain::link;
use crate::tests::cast::{CERTIFICATES_END, Offer, Person, descriptor, image, puts, rights, sign};
use crate::tests::script::Script;
use crate::{Caller, Op};

/// The command of a step; `None` when it is of time, or of a grant or call that does not exist.
pub fn command(
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
