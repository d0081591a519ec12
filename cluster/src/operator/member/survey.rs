//! Survey of a cluster: what the nodes say of members, of keys, and of how far each is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cameo_common::api::{IdentityInfo, MemberInfo, NodeStatus, paths};
use cameo_common::cluster_address::ClusterAddress;
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::keys::{PublicKey, SigningKey};
use futures_util::future::join_all;
use zeroize::Zeroizing;

use super::lines::{MemberLine, MemberList, MemberRole, SCHEMA};
use crate::host::rng::system_bytes;
use crate::operator::call::{Ends, get, send};
use crate::operator::cluster_status::{StatusError, found};
use crate::operator::newest_chain::Newest;
use crate::operator::patience::Tell;
use crate::operator::refusal::{refusal, shortly};

/// What is waited for while all nodes are asked for their chains.
pub(super) const ALL_CHAINS: &str = "waiting for all nodes to show their descriptors";

/// A node's answers, by the key that it has proved.
pub(super) struct Answered {
    pub url: String,
    pub status: NodeStatus,
    pub identity: NodeIdentity,
    /// Keys of the members.
    keys: Vec<(NodeId, PublicKey)>,
}

/// What was found of the cluster.
pub(super) struct Survey {
    pub cluster: ClusterId,
    pub descriptors: Descriptors,
    /// Of voters, and of the workers that were asked.
    pub answers: BTreeMap<NodeId, Answered>,
    /// Why others gave none.
    pub failures: Vec<String>,
    /// Keys that a majority of the voters has for an id.
    pub admitted: BTreeMap<NodeId, PublicKey>,
    /// As the node of the highest term has them.
    pub members: Vec<MemberInfo>,
}

/// Lists the members.
///
/// # Errors
/// See [`StatusError`].
pub async fn list(address: ClusterAddress, tell: Tell<'_>) -> Result<MemberList, StatusError> {
    let seed = Zeroizing::new(system_bytes().map_err(StatusError::Random)?);
    let key = Arc::new(SigningKey::from_seed(*seed));
    let waits = "waiting for a node of the cluster to answer";
    let newest = tell.waiting(waits, found(&key, &address)).await?;
    let newest = tell.waiting(ALL_CHAINS, newest.ask_all(&key)).await?;
    let survey = Survey::take(&key, address.cluster, &newest);
    let survey = tell.waiting("waiting for the nodes' answers", survey);
    Ok(survey.await.into_list())
}

impl Survey {
    /// Asks all voters, and then the workers that they name.
    pub async fn take(key: &Arc<SigningKey>, cluster: ClusterId, newest: &Newest) -> Self {
        let nodes = &newest.nodes;
        let mut survey = Self {
            cluster,
            descriptors: newest.descriptors.clone(),
            answers: BTreeMap::new(),
            failures: Vec::new(),
            admitted: BTreeMap::new(),
            members: Vec::new(),
        };
        let voters = nodes
            .urls
            .iter()
            .map(|url| ask(key, cluster, &nodes.keys, url));
        survey.keep(join_all(voters).await);
        let newest = survey.newest().clone();
        survey.answers.retain(|id, answered| {
            let of_descriptor = newest.node(*id);
            of_descriptor.is_some_and(|node| *node == answered.identity)
        });
        survey.admitted = survey.keys_of_a_majority();
        let statuses = survey.answers.values().map(|answered| &answered.status);
        let latest = statuses.max_by_key(|status| status.term);
        survey.members = latest
            .map(|status| status.members.clone())
            .unwrap_or_default();
        let others = survey
            .members
            .iter()
            .filter(|one| newest.node(one.id).is_none());
        let asked = others.filter_map(|member| {
            let expected = [*survey.admitted.get(&member.id)?];
            let url = member.url.clone();
            Some(async move { ask(key, cluster, &expected, &url).await })
        });
        let asked = join_all(asked).await;
        survey.keep(asked);
        survey
    }

    fn keep(&mut self, asked: Vec<Result<Answered, String>>) {
        for answered in asked {
            match answered {
                Ok(answered) => drop(self.answers.insert(answered.identity.id, answered)),
                Err(why) => self.failures.push(why),
            }
        }
    }

    /// The newest descriptor.
    pub fn newest(&self) -> &Descriptor {
        self.descriptors.newest()
    }

    /// Where the voters of the newest descriptor answer, in order of their ids.
    pub fn voters_urls(&self) -> Vec<String> {
        let voters = self.answers.iter();
        let voters = voters.filter(|(id, _)| self.newest().node(**id).is_some());
        voters.map(|(_, answered)| answered.url.clone()).collect()
    }

    /// An index that t voters know as committed: one alone may say any.
    pub fn committed(&self) -> u64 {
        let voters = self.answers.iter();
        let voters = voters.filter(|(id, _)| self.newest().node(**id).is_some());
        let mut committed: Vec<u64> = voters
            .map(|(_, answered)| answered.status.committed)
            .collect();
        committed.sort_unstable_by(|one, other| other.cmp(one));
        let last_of_enough = self.newest().threshold() - 1;
        committed.get(last_of_enough).copied().unwrap_or_default()
    }

    fn keys_of_a_majority(&self) -> BTreeMap<NodeId, PublicKey> {
        let mut told: BTreeMap<(NodeId, PublicKey), usize> = BTreeMap::new();
        for answered in self.answers.values() {
            let keys: BTreeSet<_> = answered.keys.iter().copied().collect();
            for key in keys {
                *told.entry(key).or_default() += 1;
            }
        }
        let needed = self.newest().threshold();
        let known = told.into_iter().filter(|(_, voters)| *voters >= needed);
        known.map(|((id, key), _)| (id, key)).collect()
    }

    /// Why a node gives no answer, as far as is known.
    pub fn why_silent(&self) -> String {
        match self.failures.as_slice() {
            [] => "no address of it is known: give its URL too".to_owned(),
            failures => failures.join("; "),
        }
    }

    /// The URL of a member, where one is known.
    pub fn url(&self, id: NodeId) -> Option<String> {
        let answered = self.answers.get(&id).map(|answered| answered.url.clone());
        let told = || self.members.iter().find(|one| one.id == id);
        answered.or_else(|| told().map(|member| member.url.clone()))
    }

    fn into_list(self) -> MemberList {
        let newest = self.newest();
        let mut ids: BTreeSet<NodeId> = newest.nodes.iter().map(|node| node.id).collect();
        ids.extend(self.members.iter().map(|member| member.id));
        MemberList {
            schema: SCHEMA,
            cluster: self.cluster,
            descriptor: newest.number,
            committed: self.committed(),
            members: ids.iter().map(|id| self.line(*id)).collect(),
        }
    }

    fn line(&self, id: NodeId) -> MemberLine {
        let member = self.members.iter().find(|member| member.id == id);
        let votes = member.is_some_and(|member| member.voter);
        let mut descriptors = self.descriptors.all().filter(|one| one.node(id).is_some());
        let answered = self.answers.get(&id);
        MemberLine {
            id,
            role: match (self.newest().node(id).is_some(), votes) {
                (true, true) => MemberRole::Voter,
                (true, false) => MemberRole::Joining,
                (false, true) => MemberRole::Leaving,
                (false, false) => MemberRole::Worker,
            },
            url: self.url(id),
            descriptor: descriptors.by_ref().last().map(|newest| newest.number),
            applied: answered.map(|answered| answered.status.applied),
            answers: answered.is_some(),
            error: answered.is_none().then(|| self.why_silent()),
        }
    }
}

/// Asks the node at a URL, which has one of these keys.
async fn ask(
    key: &Arc<SigningKey>,
    cluster: ClusterId,
    expected: &[PublicKey],
    url: &str,
) -> Result<Answered, String> {
    let ends = Ends {
        operator: key,
        nodes: Some(expected),
    };
    let unreadable = |body: &[u8]| format!("{url} {}", shortly(&refusal(body)));
    let told = send(url, &get(paths::IDENTITY), ends).await;
    let told = told.map_err(|error| error.to_string())?;
    let info: IdentityInfo =
        serde_json::from_slice(&told.body).map_err(|_| unreadable(&told.body))?;
    let signed = info.identity.verify();
    let signed =
        signed.map_err(|error| format!("{url} shows keys that it has not signed: {error}"))?;
    if signed.key != told.node || signed.cluster != cluster {
        return Err(format!("{url} shows keys of another node or cluster"));
    }
    let of_this = [told.node];
    let ends = Ends {
        operator: key,
        nodes: Some(&of_this),
    };
    let status = send(url, &get(paths::STATUS), ends).await;
    let status = status.map_err(|error| error.to_string())?;
    let status = serde_json::from_slice(&status.body).map_err(|_| unreadable(&status.body))?;
    Ok(Answered {
        url: url.to_owned(),
        status,
        identity: NodeIdentity {
            id: signed.id,
            key: signed.key,
            sealing: signed.sealing,
        },
        keys: info.members,
    })
}
