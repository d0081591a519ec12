//! Second opinions on a refusal, which may be a lie: no node's word alone ends a call.

use std::time::Duration;

use cameo_common::api::{ApiError, ErrorCode, paths};
use cameo_common::ids::NodeId;
use reqwest::Method;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::call::Outcome;
use super::error::{Verdict, verdict};
use super::nodes::Server;
use super::signed_call::SignedCall;
use super::{ClusterApi, ClusterError};

/// Bound on asking other nodes after a refusal.
const SECOND_OPINION_DEADLINE: Duration = Duration::from_secs(3);

impl ClusterApi {
    /// Another node's answer in place of a refusal. The refusal, if another node refuses too, or
    /// none can be asked; but one of this device or of a name only by the word of enough nodes.
    pub(super) async fn ask_another<A: DeserializeOwned>(
        &self,
        refused_by: &Server,
        call: &SignedCall,
        refusal: ApiError,
        end: Instant,
    ) -> Result<A, ClusterError> {
        let refusal = match self.second_answer(refused_by, call, refusal, end).await {
            Err(ClusterError::Api(refusal)) => refusal,
            answer => return answer,
        };
        if self.is_confirmed(call, refusal.code).await {
            Err(refusal.into())
        } else {
            Err(ClusterError::Unconfirmed(refusal))
        }
    }

    /// What the first of the other nodes says that answers definitely. A node that cannot tell, or
    /// whose answer cannot be read, may have carried out what the first one has refused.
    async fn second_answer<A: DeserializeOwned>(
        &self,
        refused_by: &Server,
        call: &SignedCall,
        refusal: ApiError,
        end: Instant,
    ) -> Result<A, ClusterError> {
        let mut tried = vec![refused_by.clone()];
        let mut unknown = false;
        loop {
            self.find_another(&tried).await;
            let mut servers = self.nodes().servers();
            servers.retain(|server| tried.iter().all(|tried| tried.key != server.key));
            if servers.is_empty() || Instant::now() >= end {
                break;
            }
            let (answer, may_be_done) = self.first_definite(&servers, call, end).await;
            match answer {
                Some(Ok(answer)) => {
                    let refused_by = &refused_by.url;
                    tracing::warn!(refused_by, %refusal, "another node did what a node refused");
                    return Ok(answer);
                }
                Some(Err(same)) => return Err(same.into()),
                None => unknown |= may_be_done,
            }
            tried.extend(servers);
        }
        if unknown {
            Err(ClusterError::OutcomeUnknown)
        } else {
            Err(refusal.into())
        }
    }

    /// The first definite answer of these nodes; and, if there is none, whether one of them may
    /// have carried the call out.
    async fn first_definite<A: DeserializeOwned>(
        &self,
        servers: &[Server],
        call: &SignedCall,
        end: Instant,
    ) -> (Option<Result<A, ApiError>>, bool) {
        // A node that hangs takes no other's share of the time.
        let others = u32::try_from(servers.len()).unwrap_or(u32::MAX).max(1);
        let share = SECOND_OPINION_DEADLINE / others;
        // A read changes nothing; a node that cannot answer it leaves nothing unknown.
        let is_read = call.method == Method::GET;
        let mut unknown = false;
        for server in servers {
            let until = end.min(Instant::now() + share);
            if Instant::now() >= until {
                break;
            }
            match self.try_once(server, call, until).await {
                Outcome::Success(answer) => {
                    self.prefer(server);
                    return (Some(Ok(answer)), unknown);
                }
                Outcome::Refused(same) => match verdict(same.code) {
                    Verdict::Doubtful => {
                        self.prefer(server);
                        return (Some(Err(same)), unknown);
                    }
                    Verdict::Unknown | Verdict::ElsewhereOrLater => unknown |= !is_read,
                },
                Outcome::Lost | Outcome::Malformed(_) => unknown |= !is_read,
                Outcome::NotConnected(_) => {}
            }
        }
        (None, unknown)
    }

    /// Whether enough nodes refuse this device, or lack this name, by their own state: a node may
    /// have passed on a lying leader's word. Other refusals end one call, and are taken as they
    /// are.
    async fn is_confirmed(&self, call: &SignedCall, code: ErrorCode) -> bool {
        let is_read = call.method == Method::GET;
        let path = match code {
            ErrorCode::NotRegistered if is_read => call.path.as_str(),
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
