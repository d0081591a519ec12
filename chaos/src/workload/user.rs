//! A registered user with one device.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use cameo_common::api::{
    AUTHORIZATION_HEADER, ApiError, ClusterInfo, ErrorCode, PlaceJob, PlaceJobs, Placed,
    PlacedJobs, Placement, Register, Registered, TICKET_HEADER, paths,
};
use cameo_common::ids::{ClusterId, Millis, RequestId, UserName};
use cameo_common::keys::{SealingSecret, SigningKey};
use cameo_common::op::Op;
use cameo_tls::{API_ALPN, Expected};
use data_encoding::BASE64URL_NOPAD;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::rng::random;
use crate::statements::{Party, authorization};

/// Time from a call to its not-after.
const CALL_LIFE: Duration = Duration::from_secs(60);
/// Longest wait for a connection: all nodes are on this machine.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// A device and its HTTP client.
#[derive(Debug)]
pub struct User {
    http: reqwest::Client,
    device: Arc<SigningKey>,
    cluster: ClusterId,
}

/// The failure of a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The node's definite refusal.
    #[error("{0}")]
    Api(ApiError),
    /// No answer, or an unreadable one.
    #[error("no answer: {0}")]
    Lost(String),
}

impl Refused {
    /// Time after which the node asks for a retry, if it is only busy.
    #[must_use]
    pub fn busy_for(&self) -> Option<Duration> {
        match self {
            Self::Api(error) if error.code == ErrorCode::Busy => {
                Some(Duration::from_millis(error.retry_after_ms.unwrap_or(250)))
            }
            _ => None,
        }
    }
}

impl User {
    /// Generates keys, and registers the name at this node.
    ///
    /// # Errors
    /// When the node does not answer or refuses.
    pub async fn register(url: &str, name: UserName) -> anyhow::Result<Self> {
        let device = Arc::new(SigningKey::from_seed(random()));
        let http = http(device.clone())?;
        let info: ClusterInfo = http
            .get(format!("{url}{}", paths::CLUSTER))
            .send()
            .await?
            .json()
            .await
            .context("the cluster's identity")?;
        let user = Self {
            http,
            device,
            cluster: info.cluster,
        };
        user.register_device(url, name).await?;
        Ok(user)
    }

    /// Another device of this program, unknown to the cluster.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn unregistered(other: &Self) -> anyhow::Result<Self> {
        let device = Arc::new(SigningKey::from_seed(random()));
        Ok(Self {
            http: http(device.clone())?,
            device,
            cluster: other.cluster,
        })
    }

    /// Registers this device as a user's first.
    ///
    /// # Errors
    /// When the node does not answer or refuses.
    pub async fn register_device(&self, url: &str, name: UserName) -> anyhow::Result<()> {
        let body = self.registration(name);
        let proof = Some(self.authorize(&Op::from(&body)));
        let registered =
            self.send::<Registered>(url, Method::POST, paths::USERS, proof, encode(&body));
        match registered.await {
            Ok(_) => Ok(()),
            Err(refused) => bail!("registering: {refused}"),
        }
    }

    fn registration(&self, name: UserName) -> Register {
        let party = Party {
            name: &name,
            identity: &SigningKey::from_seed(random()),
            sealing: SealingSecret::from_bytes(random()).public(),
        };
        party.registration(self.device.public(), now())
    }

    /// Asks a node to place a job.
    pub async fn place(&self, url: &str, job: &PlaceJob) -> Result<Placed, Refused> {
        let jobs = vec![job.clone()];
        let body = encode(&PlaceJobs { jobs });
        let placed: PlacedJobs = self
            .send(url, Method::POST, paths::JOBS, None, body)
            .await?;
        match placed.jobs.into_iter().next() {
            Some(Placement::Placed(placed)) => Ok(placed),
            Some(Placement::Refused(no)) => Err(Refused::Api(no)),
            None => Err(no_answer("an answer to no job")),
        }
    }

    /// Runs a job on the worker on which it was placed. Returns the PNG.
    pub async fn run(&self, placed: &Placed, input: Bytes) -> Result<Bytes, Refused> {
        let ticket = placed.ticket.unverified().map_err(no_answer)?;
        let header = BASE64URL_NOPAD.encode(placed.ticket.as_bytes());
        let request = self
            .http
            .post(format!("{}{}", ticket.url, paths::RUN_JOB))
            .header(TICKET_HEADER, header)
            .body(input);
        answer(request).await
    }

    async fn send<A: DeserializeOwned>(
        &self,
        url: &str,
        method: Method,
        path: &str,
        proof: Option<String>,
        body: Bytes,
    ) -> Result<A, Refused> {
        let mut request = self
            .http
            .request(method, format!("{url}{path}"))
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body);
        if let Some(proof) = proof {
            request = request.header(AUTHORIZATION_HEADER, proof);
        }
        let bytes = answer(request).await?;
        serde_json::from_slice(&bytes).map_err(no_answer)
    }

    fn authorize(&self, op: &Op) -> String {
        let not_after = now().plus(CALL_LIFE);
        let request = RequestId(random());
        authorization(&self.device, self.cluster, request, not_after, op.hash())
    }
}

/// The HTTP client of a device. Any node will do: who judges a cluster has started it.
fn http(device: Arc<SigningKey>) -> anyhow::Result<reqwest::Client> {
    let tls = cameo_tls::client(device, Expected::Any, API_ALPN)?;
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .connect_timeout(CONNECT_WITHIN)
        .build()?;
    Ok(http)
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Bytes, Refused> {
    let response = request.send().await.map_err(no_answer)?;
    let good = response.status().is_success();
    let bytes = response.bytes().await.map_err(no_answer)?;
    if good {
        return Ok(bytes);
    }
    Err(serde_json::from_slice(&bytes).map_or_else(no_answer, Refused::Api))
}

fn no_answer(why: impl std::fmt::Display) -> Refused {
    Refused::Lost(why.to_string())
}

fn encode(body: &impl Serialize) -> Bytes {
    // Bodies of `common::api` are plain records, which always encode.
    serde_json::to_vec(body).unwrap_or_default().into()
}

fn now() -> Millis {
    SystemTime::now().into()
}
