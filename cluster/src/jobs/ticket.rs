//! A worker's checks of a ticket before it admits the job (law J3).

use std::time::Duration;

use cameo_codec::job::MAX_INPUT;
use cameo_common::ids::{ClusterId, Hash, Millis, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::signed::{Signed, StatementError};
use cameo_common::statements::Ticket;
use cameo_mutant::{Mutant, is_planted};

/// Time from the signing of a ticket until its upload must have begun.
pub const TICKET_LIFE: Duration = Duration::from_secs(5);
/// Assumed clock difference of two nodes: a ticket is accepted for this much longer.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(2);

/// Why a ticket is not accepted here and now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    #[error("{0}; ask the leader for another ticket")]
    Statement(#[from] StatementError),
    #[error("the ticket is not signed by a node of this cluster")]
    NotANode,
    #[error("the ticket is for another cluster")]
    OtherCluster,
    #[error("the ticket is for node {0}; send the job there")]
    OtherWorker(NodeId),
    #[error("the worker has restarted since the ticket was signed; ask for another ticket")]
    OtherIncarnation,
    #[error(
        "the ticket is of term {ticket}, and the cluster is in term {now}; ask for another ticket"
    )]
    OldTerm { ticket: u64, now: u64 },
    #[error("the ticket is of term {ticket}, and this node is still in term {now}; try again")]
    NewerTerm { ticket: u64, now: u64 },
    #[error("the ticket is for another device")]
    OtherClient,
    #[error("the ticket has expired; ask for another ticket")]
    Expired,
    #[error("the job's input is not the one that the ticket was signed for")]
    OtherInput,
    #[error("the job's input has {got} bytes, the ticket is for {ticket}")]
    OtherSize { ticket: u64, got: u64 },
    #[error("the job's input is longer than {MAX_INPUT} bytes")]
    TooLarge,
    #[error("this job is already running here; wait for its end")]
    InUse,
}

/// The worker's identity and state that a ticket is checked against.
#[derive(Debug, Clone, Copy)]
pub struct TicketContext {
    pub node: NodeId,
    pub incarnation: u64,
    pub cluster: ClusterId,
    pub term: u64,
    pub unix: Millis,
}

/// Checks everything that can be checked before the input is read.
///
/// # Errors
/// The first check that fails. `NewerTerm` is checked last: it alone may pass by waiting.
pub fn check(
    ticket: &Signed<Ticket>,
    caller: PublicKey,
    context: TicketContext,
    is_node_key: impl Fn(&PublicKey) -> bool,
) -> Result<Ticket, TicketError> {
    let ticket = ticket.verify()?;
    if !is_node_key(&ticket.leader) {
        return Err(TicketError::NotANode);
    }
    if ticket.cluster != context.cluster {
        return Err(TicketError::OtherCluster);
    }
    if ticket.worker != context.node {
        return Err(TicketError::OtherWorker(ticket.worker));
    }
    if ticket.incarnation != context.incarnation {
        return Err(TicketError::OtherIncarnation);
    }
    if ticket.client != caller {
        return Err(TicketError::OtherClient);
    }
    if ticket.size > MAX_INPUT as u64 {
        return Err(TicketError::TooLarge);
    }
    if context.unix > ticket.not_after.plus(MAX_CLOCK_SKEW) {
        return Err(TicketError::Expired);
    }
    let (signed_at, now) = (ticket.term, context.term);
    match signed_at.cmp(&now) {
        std::cmp::Ordering::Less if is_planted(Mutant::TicketOfOldTermAccepted) => Ok(ticket),
        std::cmp::Ordering::Less => Err(TicketError::OldTerm {
            ticket: signed_at,
            now,
        }),
        std::cmp::Ordering::Greater => Err(TicketError::NewerTerm {
            ticket: signed_at,
            now,
        }),
        std::cmp::Ordering::Equal => Ok(ticket),
    }
}

/// Checks that an input of this size and hash is the one that the ticket was signed for.
///
/// # Errors
/// When size or hash differ.
pub fn check_input(ticket: &Ticket, got: u64, hash: Hash) -> Result<(), TicketError> {
    if got != ticket.size {
        return Err(TicketError::OtherSize {
            ticket: ticket.size,
            got,
        });
    }
    if hash != ticket.input {
        return Err(TicketError::OtherInput);
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cameo_common::ids::JobId;
    use cameo_common::keys::SigningKey;

    pub(crate) const DEVICE: PublicKey = PublicKey([8; 32]);
    pub(crate) const CONTEXT: TicketContext = TicketContext {
        node: NodeId(2),
        incarnation: 77,
        cluster: ClusterId([5; 32]),
        term: 4,
        unix: Millis(1_000_000),
    };

    pub(crate) fn node_key() -> SigningKey {
        SigningKey::from_seed([1; 32])
    }

    pub(crate) fn ticket(input: &[u8]) -> Ticket {
        Ticket {
            leader: node_key().public(),
            cluster: CONTEXT.cluster,
            job: JobId(*Hash::of(input).0.first_chunk().unwrap()),
            client: DEVICE,
            input: Hash::of(input),
            size: input.len() as u64,
            worker: CONTEXT.node,
            worker_key: PublicKey([7; 32]),
            url: "https://worker".to_owned(),
            incarnation: CONTEXT.incarnation,
            term: CONTEXT.term,
            not_after: CONTEXT.unix.plus_millis(5_000),
        }
    }

    fn checked(change: impl FnOnce(&mut Ticket)) -> Result<Ticket, TicketError> {
        let mut ticket = ticket(b"input");
        change(&mut ticket);
        check(&Signed::new(&node_key(), ticket), DEVICE, CONTEXT, |key| {
            *key == node_key().public()
        })
    }

    #[test]
    fn a_valid_ticket_is_accepted() {
        assert_eq!(checked(|_| {}).unwrap(), ticket(b"input"));
        check_input(&ticket(b"input"), 5, Hash::of(b"input")).unwrap();
    }

    #[test]
    fn attack_a_ticket_with_any_wrong_field_is_refused() {
        use TicketError as E;
        type Change = fn(&mut Ticket);
        let cases: [(Change, TicketError); 8] = [
            (|t| t.cluster = ClusterId([6; 32]), E::OtherCluster),
            (|t| t.worker = NodeId(3), E::OtherWorker(NodeId(3))),
            (|t| t.incarnation = 78, E::OtherIncarnation),
            (|t| t.term = 3, E::OldTerm { ticket: 3, now: 4 }),
            (|t| t.term = 5, E::NewerTerm { ticket: 5, now: 4 }),
            (|t| t.client = PublicKey([9; 32]), E::OtherClient),
            (|t| t.size = MAX_INPUT as u64 + 1, E::TooLarge),
            (
                |t| t.not_after = CONTEXT.unix.minus(Duration::from_millis(2_001)),
                E::Expired,
            ),
        ];
        for (change, reason) in cases {
            assert_eq!(checked(change), Err(reason));
        }
        assert!(checked(|t| t.not_after = CONTEXT.unix.minus(Duration::from_secs(2))).is_ok());
    }

    #[test]
    fn attack_only_a_node_of_the_cluster_signs_tickets() {
        let stranger = SigningKey::from_seed([2; 32]);
        let mut forged = ticket(b"input");
        forged.leader = stranger.public();
        let forged = Signed::new(&stranger, forged);
        let known = |key: &PublicKey| *key == node_key().public();
        assert_eq!(
            check(&forged, DEVICE, CONTEXT, known),
            Err(TicketError::NotANode)
        );
        let mut bytes = Signed::new(&node_key(), ticket(b"input"))
            .as_bytes()
            .to_vec();
        bytes[3] ^= 1;
        let broken = Signed::from_bytes(bytes);
        assert_eq!(
            check(&broken, DEVICE, CONTEXT, known),
            Err(TicketError::Statement(StatementError::BadSignature(
                "ticket"
            )))
        );
    }

    #[test]
    fn attack_another_input_than_the_tickets_is_refused() {
        let ticket = ticket(b"input");
        let other = check_input(&ticket, 5, Hash::of(b"imput"));
        assert_eq!(other, Err(TicketError::OtherInput));
        assert_eq!(
            check_input(&ticket, 6, Hash::of(b"inputs")),
            Err(TicketError::OtherSize { ticket: 5, got: 6 })
        );
    }
}
