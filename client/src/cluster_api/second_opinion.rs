//! Second opinions on a refusal, which may be a lie: no node's word alone ends a call.

use std::time::Duration;

use cameo_common::api::{ApiError, ErrorCode, paths};
use cameo_common::ids::NodeId;
use reqwest::Method;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::call::{Outcome, Refused};
use super::error::{Verdict, verdict};
use super::signed_call::SignedCall;
use super::{ClusterApi, ClusterError};

/// Bound on asking other nodes after a refusal.
const SECOND_OPINION_DEADLINE: Duration = Duration::from_secs(3);

/// What the other nodes have said.
#[derive(Default)]
struct Others {
    refusals: Vec<ApiError>,
    /// Whether one of them may have carried the call out.
    unknown: bool,
}

impl ClusterApi {
    /// Another node's answer in place of a refusal. A refusal counts if two nodes give it; one of
    /// this device or of a name only by the word of enough nodes. In a cluster of one node it
    /// counts as it is.
    pub(super) async fn ask_another<A: DeserializeOwned>(
        &self,
        refused: Refused<'_>,
        call: &SignedCall,
        end: Instant,
    ) -> Result<A, ClusterError> {
        if self.voters() < 2 {
            return Err(refused.error.into());
        }
        let mut others = Others::default();
        if let Some(answer) = self
            .answer_of_others(&refused, call, end, &mut others)
            .await
        {
            let (by, refusal) = (&refused.by.url, &refused.error);
            tracing::warn!(refused_by = by, %refusal, "another node did what a node refused");
            return Ok(answer);
        }
        match agreed(&refused.error, &others.refusals) {
            Some(agreed) if self.is_confirmed(call, agreed.code).await => Err(agreed.into()),
            // A read changes nothing, and leaves nothing unknown.
            None if call.method != Method::GET && (refused.unknown || others.unknown) => {
                Err(ClusterError::OutcomeUnknown)
            }
            Some(_) | None => Err(ClusterError::Unconfirmed(refused.error)),
        }
    }

    /// Asks nodes that were not asked yet, until one has carried the call out, or two have refused
    /// it alike.
    async fn answer_of_others<A: DeserializeOwned>(
        &self,
        refused: &Refused<'_>,
        call: &SignedCall,
        end: Instant,
        others: &mut Others,
    ) -> Option<A> {
        let mut tried = vec![refused.by.clone()];
        loop {
            let _searched = timeout_at(end, self.find_another(&tried)).await;
            let mut servers = self.nodes().servers();
            servers.retain(|server| tried.iter().all(|tried| tried.key != server.key));
            // A node that hangs takes no other's share of the time.
            let count = u32::try_from(servers.len()).unwrap_or(u32::MAX).max(1);
            let share = SECOND_OPINION_DEADLINE / count;
            for server in &servers {
                let until = end.min(Instant::now() + share);
                if Instant::now() >= until {
                    return None;
                }
                match self.try_once(server, call, until).await {
                    Outcome::Success(answer) => {
                        self.prefer(server);
                        return Some(answer);
                    }
                    Outcome::Refused(error) if verdict(error.code) == Verdict::Doubtful => {
                        others.refusals.push(error);
                        if agreed(&refused.error, &others.refusals).is_some() {
                            self.prefer(server);
                            return None;
                        }
                    }
                    Outcome::Refused(_) | Outcome::Lost | Outcome::Malformed(_) => {
                        others.unknown = true;
                    }
                    Outcome::NotConnected(_) => {}
                }
            }
            if servers.is_empty() {
                return None;
            }
            tried.extend(servers);
        }
    }

    /// Whether enough nodes refuse this device, or lack this name, by their own state: a node may
    /// have passed on a lying leader's word. Other refusals end one call, and are taken as they
    /// are.
    async fn is_confirmed(&self, call: &SignedCall, code: ErrorCode) -> bool {
        let is_read = call.method == Method::GET;
        let path = match code {
            ErrorCode::NotRegistered | ErrorCode::NotFound if is_read => call.path.as_str(),
            // Every read is refused to a device that is revoked or not known.
            ErrorCode::NotAuthenticated | ErrorCode::DeviceRevoked => paths::USERS,
            _ => return true,
        };
        let refuses = |node| self.refuses(node, path.to_owned(), code);
        self.do_enough_say(refuses).await
    }

    /// Whether a node refuses a read with this code.
    async fn refuses(&self, node: NodeId, path: String, code: ErrorCode) -> bool {
        let Ok(server) = self.known_server(node).await else {
            return false;
        };
        let answer = self.get_at::<serde::de::IgnoredAny>(&server, path).await;
        answer.is_err_and(|error| error.code() == Some(code))
    }
}

/// The refusal that two nodes give: the newest in which two agree.
fn agreed(first: &ApiError, others: &[ApiError]) -> Option<ApiError> {
    let (last, before) = others.split_last()?;
    let mut before = before.iter().chain([first]);
    before
        .any(|refusal| refusal.code == last.code)
        .then(|| last.clone())
}
