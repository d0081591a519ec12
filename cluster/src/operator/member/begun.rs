//! The change that an earlier command has begun: signed by some voters, and not in force yet.
//!
//! A voter signs one next descriptor of a number, so nothing else can be done before that one is
//! finished.

use std::collections::BTreeMap;

use cameo_common::api::{OrderedChange, SuccessionBegun, paths};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, Hash};
use cameo_common::signed::Strict;
use futures_util::future::join_all;

use super::survey::Survey;
use crate::operator::call::{get, send};
use crate::operator::client::OperatorClient;

/// What the voters show that was begun, if anything. What one does not tell it says when it is to
/// sign.
pub(super) async fn find(client: &OperatorClient, survey: &Survey) -> Option<OrderedChange> {
    let shown = survey.voters_urls().into_iter().map(async |url| {
        let answer = send(&url, &get(paths::SUCCESSION), client.ends())
            .await
            .ok()?;
        let shown = serde_json::from_slice::<SuccessionBegun>(&answer.body).ok()?;
        shown.begun
    });
    let shown = join_all(shown).await.into_iter().flatten();
    choose(client.address().cluster, survey.newest(), shown)
}

/// Of what the operator has ordered, the one that most voters have signed: others may have been
/// begun at the same time, and are not finished by anybody.
///
/// Law: by the operator's own signatures, also that it is by force. A voter's word alone would have
/// the operator sign what it has never ordered.
fn choose(
    cluster: ClusterId,
    newest: &Descriptor,
    shown: impl Iterator<Item = OrderedChange>,
) -> Option<OrderedChange> {
    let mut changes: BTreeMap<Hash, (usize, OrderedChange)> = BTreeMap::new();
    for change in shown.filter(|change| change.is_ordered(&Strict, cluster, newest)) {
        let hash = change.next.hash();
        let (signed, known) = changes.entry(hash).or_insert_with(|| (0, change.clone()));
        *signed += 1;
        if change.force {
            *known = change;
        }
    }
    let changes = changes.into_values();
    let most = changes.max_by_key(|(signed, change)| (*signed, change.next.hash().0));
    most.map(|(_, change)| change)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::api::SignSuccession;
    use cameo_common::cluster_descriptor::NodeIdentity;
    use cameo_common::descriptor_chain::Succession;
    use cameo_common::ids::{Millis, NodeId, RequestId};
    use cameo_common::keys::{SealingPublic, SigningKey};
    use cameo_common::op::Op;
    use cameo_common::operator::OperatorOrder;
    use cameo_common::registration::RegistrationMode;
    use cameo_common::signed::Signed;

    use super::*;

    const OPERATOR: u8 = 8;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32])
    }

    fn nodes(last: u8) -> Vec<NodeIdentity> {
        let node = |id: u8| NodeIdentity {
            id: NodeId(u64::from(id)),
            key: key(id).public(),
            sealing: SealingPublic([id; 32]),
        };
        (1..=last).map(node).collect()
    }

    fn first() -> Descriptor {
        let (operator, mode) = (key(OPERATOR).public(), RegistrationMode::Open);
        Descriptor::genesis(nodes(3), operator, mode, Hash([3; 32]))
    }

    /// A change to the nodes from 1 on, ordered by the key of this seed.
    fn change(seed: u8, last: u8, force: bool) -> OrderedChange {
        let (first, key) = (first(), key(seed));
        let cluster = first.founds().unwrap();
        let next = first.successor(nodes(last));
        let succession = Succession {
            cluster,
            previous: first.hash(),
            next: next.hash(),
            signer: key.public(),
        };
        let body = SignSuccession {
            next,
            operator: Signed::new(&key, succession),
            force,
        };
        let order = OperatorOrder {
            operator: key.public(),
            cluster,
            request: RequestId([7; 16]),
            not_after: Millis(300),
            op: Op::from(&body).hash(),
        };
        OrderedChange {
            next: body.next,
            operator: body.operator,
            force,
            order: Signed::new(&key, order),
        }
    }

    fn chosen(shown: &[OrderedChange]) -> Option<OrderedChange> {
        let cluster = first().founds().unwrap();
        choose(cluster, &first(), shown.iter().cloned())
    }

    #[test]
    fn the_change_that_most_voters_have_signed_is_finished() {
        let (four, five) = (change(OPERATOR, 4, false), change(OPERATOR, 5, false));
        let shown = [five.clone(), four.clone(), five.clone()];
        assert_eq!(chosen(&shown), Some(five));
        // and by force, where one of them shows that this was ordered
        let forced = change(OPERATOR, 4, true);
        assert_eq!(chosen(&[forced.clone(), four]), Some(forced));
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn attack_voters_show_a_change_that_the_operator_has_not_ordered() {
        let invented = change(1, 5, false);
        let forced = OrderedChange {
            force: true,
            ..change(OPERATOR, 4, false)
        };
        let good = change(OPERATOR, 4, false);
        let shown = [invented.clone(), invented, forced, good.clone()];
        assert_eq!(chosen(&shown), Some(good));
        assert_eq!(chosen(&shown[..3]), None);
    }
}
