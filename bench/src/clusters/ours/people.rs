//! Registered people, as many as a window has clients.

use std::time::{Duration, SystemTime};

use cameo_chaos::statements::{Party, authorization};
use cameo_common::api::paths;
use cameo_common::ids::{ClusterId, Millis, RequestId, UserName};
use cameo_common::keys::{SealingSecret, SigningKey};
use cameo_common::op::Op;
use rand::RngExt as _;

use super::connection::Connection;

/// Time from the making of a command to its not-after: longer than any window.
const COMMAND_LIFE: Duration = Duration::from_secs(120);

/// A person with one device.
#[derive(Debug)]
pub struct Person {
    pub name: UserName,
    pub identity: SigningKey,
    pub device: SigningKey,
    pub sealing: SealingSecret,
}

impl Person {
    pub fn new(name: UserName) -> Self {
        Self {
            name,
            identity: SigningKey::from_seed(random()),
            device: SigningKey::from_seed(random()),
            sealing: SealingSecret::from_bytes(random()),
        }
    }

    /// Registers the name.
    pub async fn register(
        &self,
        connection: &mut Connection,
        cluster: ClusterId,
    ) -> anyhow::Result<()> {
        let body = self.party().registration(self.device.public(), now());
        let proof = self.authorize(cluster, &Op::from(&body));
        connection.command(paths::USERS, &proof, &body).await?;
        Ok(())
    }

    /// The header of a command, as the device signs it.
    pub fn authorize(&self, cluster: ClusterId, op: &Op) -> String {
        self.authorize_as(RequestId(random()), cluster, op)
    }

    /// The same under this request id.
    pub fn authorize_as(&self, request: RequestId, cluster: ClusterId, op: &Op) -> String {
        let not_after = now().plus(COMMAND_LIFE);
        authorization(&self.device, cluster, request, not_after, op.hash())
    }

    /// The person in statements.
    pub fn party(&self) -> Party<'_> {
        Party {
            name: &self.name,
            identity: &self.identity,
            sealing: self.sealing.public(),
        }
    }
}

/// Fresh bytes.
pub fn random<const N: usize>() -> [u8; N] {
    rand::rng().random()
}

/// This machine's clock.
pub fn now() -> Millis {
    SystemTime::now().into()
}
