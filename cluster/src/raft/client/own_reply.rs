//! Replies to forwarded commands, by this node's own state: the leader's word alone is not passed
//! on.

use cameo_common::ids::Millis;
use cameo_common::signed::Verifier;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::replica::{AppliedState, Committed};
use crate::raft::ProposeError;
use cameo_machine::{Command, Done, Refusal, Reply, read, refusal_now};

/// Compares what the leader says of a command with this node's state, once that is as far as the
/// entry, and answers by this state: of a debit it may have a newer deal. They differ when the
/// leader lies, or when state or time have changed since in a way that the command depends on; then
/// the outcome is unknown, and the caller may ask again. `now` is this node's own time: a refusal
/// by the leader's alone is not believed.
pub(super) async fn confirm(
    state: &dyn AppliedState,
    verifier: &dyn Verifier,
    mut applied: watch::Receiver<u64>,
    command: &Command,
    told: Committed,
    now: Millis,
    deadline: Instant,
) -> Result<Committed, ProposeError> {
    if !read::leaves_a_reply(command) {
        return Ok(told);
    }
    let is_reached = applied.wait_for(|applied| *applied >= told.index);
    if !matches!(timeout_at(deadline, is_reached).await, Ok(Ok(_))) {
        return Err(ProposeError::Unknown);
    }
    let view = state.view();
    let own = read::stored_reply(&*view, command);
    let refused = || {
        let now = now.max(read::log_time(&*view));
        refusal_now(verifier, &*view, command, now)
    };
    if let Some(reply) = passed_on(&told.reply, own.as_ref(), refused) {
        return Ok(Committed { reply, ..told });
    }
    tracing::error!(
        index = told.index, reply = ?told.reply, ?own,
        "the leader's reply to a command is not what this node's state has"
    );
    Err(ProposeError::Unknown)
}

/// The reply that both the leader and this node's state give, as this state has it; none when they
/// differ.
fn passed_on(
    said: &Reply,
    own: Option<&Done>,
    refused: impl FnOnce() -> Option<Refusal>,
) -> Option<Reply> {
    match (said, own) {
        (Ok(said), Some(own)) => own.agrees_with(said).then(|| Ok(own.clone())),
        (Err(said), None) => refused().filter(|own| own == said).map(Err),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;
    use std::time::Duration;

    use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
    use cameo_common::ids::{GrantId, Hash, NodeId, RequestId};
    use cameo_common::keys::{SealingPublic, SigningKey};
    use cameo_common::operator::OperatorOrder;
    use cameo_common::registration::RegistrationMode;
    use cameo_common::signed::{Signed, Strict};
    use cameo_machine::{Caller, Entry, MapView, Op, StateView, decide};

    use super::*;
    use crate::raft::client::replica::HashedState;
    use crate::store::Subscriptions;

    /// Index of the last entry that the node has applied.
    const APPLIED: u64 = 2;
    const TIME: Millis = Millis(1_000);

    #[derive(Debug)]
    struct Own(MapView, Arc<Subscriptions>);

    impl AppliedState for Own {
        fn view(&self) -> Box<dyn StateView + '_> {
            Box::new(self.0.clone())
        }
        fn applied(&self) -> u64 {
            APPLIED
        }
        fn subscriptions(&self) -> &Arc<Subscriptions> {
            &self.1
        }
        fn hash(&self) -> HashedState {
            HashedState {
                applied: APPLIED,
                hash: Hash([0; 32]),
            }
        }
        fn failure(&self) -> Option<String> {
            None
        }
    }

    fn operator() -> SigningKey {
        SigningKey::from_seed([8; 32])
    }

    fn descriptor() -> Descriptor {
        let node = NodeIdentity {
            id: NodeId(1),
            key: SigningKey::from_seed([1; 32]).public(),
            sealing: SealingPublic([1; 32]),
        };
        let mode = RegistrationMode::Open;
        Descriptor::genesis(vec![node], operator().public(), mode, Hash([3; 32]))
    }

    fn order(op: Op) -> Command {
        let order = OperatorOrder {
            operator: operator().public(),
            cluster: descriptor().founds().unwrap(),
            request: RequestId([op.hash().0[0]; 16]),
            not_after: TIME.plus_millis(1_000),
            op: op.hash(),
        };
        let caller = Caller::Operator(Signed::new(&operator(), order));
        Command { caller, op }
    }

    fn closes() -> Command {
        order(Op::SetRegistration(RegistrationMode::Closed))
    }

    /// Refused, since there is no such user.
    fn retires() -> Command {
        let user = "eve".parse().unwrap();
        order(Op::Retire { user })
    }

    /// A node that has applied the order to close registration, or has not.
    fn node(closed: bool) -> Own {
        let founds = Command {
            caller: Caller::Node(NodeId(1)),
            op: Op::Found(descriptor()),
        };
        let mut state = MapView::default();
        for command in [Some(founds), closed.then(closes)].into_iter().flatten() {
            let decision = decide(&state, 1, &Entry::new(TIME, command).encode());
            decision.reply.unwrap();
            state.apply(&decision.changes);
        }
        Own(state, Arc::default())
    }

    async fn told(
        own: &Own,
        command: &Command,
        index: u64,
        reply: Result<Done, Refusal>,
    ) -> Result<Committed, ProposeError> {
        let (_applies, applied) = watch::channel(APPLIED);
        let deadline = Instant::now() + Duration::from_millis(50);
        let told = Committed { index, reply };
        confirm(own, &Strict, applied, command, told, TIME, deadline).await
    }

    #[tokio::test]
    async fn what_the_leader_says_is_passed_on_when_this_node_has_the_same() {
        let own = node(true);
        let done = told(&own, &closes(), APPLIED, Ok(Done::Nothing)).await;
        assert_eq!(done.unwrap().reply, Ok(Done::Nothing));
        let none = Refusal::NotRegistered("eve".parse().unwrap());
        let refused = told(&own, &retires(), APPLIED, Err(none.clone())).await;
        assert_eq!(refused.unwrap().reply, Err(none));
    }

    #[tokio::test]
    async fn attack_a_leaders_false_reply_is_not_passed_on() {
        let (done, refused) = (Ok(Done::Nothing), Err(Refusal::BadSignature));
        let another = Ok(Done::Registered { created: true });
        for (closed, command, reply) in [
            // that what was never in the log is done, or what is refused
            (false, closes(), done.clone()),
            (true, retires(), done.clone()),
            // that what is done is refused, or has another reply
            (true, closes(), refused.clone()),
            (true, closes(), another),
            // that what would be done is refused, for this reason or for the time
            (false, closes(), refused),
            (false, closes(), Err(Refusal::TooLate)),
            (true, closes(), Err(Refusal::TooLate)),
        ] {
            let own = node(closed);
            let answer = told(&own, &command, APPLIED, reply.clone()).await;
            assert_eq!(answer, Err(ProposeError::Unknown), "{reply:?}");
        }
        // or an index that is never reached
        let answer = told(&node(true), &closes(), APPLIED + 1, done).await;
        assert_eq!(answer, Err(ProposeError::Unknown));
    }

    #[test]
    fn a_debit_is_answered_with_the_deal_that_this_node_has() {
        let debited = |number, deal| Done::Debited {
            grant: GrantId([1; 32]),
            request: RequestId([2; 16]),
            number,
            used: number,
            left: 3,
            index: 9,
            deal: Signed::from_bytes(vec![deal]),
        };
        // given a node that has applied another deal since the leader's reply
        let own = debited(1, 8);
        let passed = |said| passed_on(&Ok(said), Some(&own), || None);
        // then it answers with its own, and says nothing where the figures differ
        assert_eq!(passed(debited(1, 7)), Some(Ok(own.clone())));
        assert_eq!(passed(debited(2, 8)), None);
        assert_eq!(passed(Done::Nothing), None);
    }
}
