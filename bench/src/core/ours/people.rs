//! Registered people, as many as a window has clients.

use std::time::{Duration, SystemTime};

use cameo_common::api::{Register, paths};
use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::ids::{ClusterId, Millis, RequestId, UserName};
use cameo_common::keys::{SealingSecret, SigningKey};
use cameo_common::op::{Authorization, Op};
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;
use rand::RngExt as _;

use super::connection::Connection;

/// Validity of a certificate.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(24 * 3_600);
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
        let card = UserCard {
            name: self.name.clone(),
            key: self.identity.public(),
            sealing: self.sealing.public(),
            sequence: 1,
        };
        let certificate = DeviceCertificate {
            user: self.identity.public(),
            device: self.device.public(),
            sequence: 1,
            not_after: now().plus(CERTIFICATE_LIFE),
        };
        let body = Register {
            card: Signed::new(&self.identity, card),
            certificate: Signed::new(&self.identity, certificate),
            invite: None,
        };
        let proof = self.authorize(cluster, &Op::from(&body));
        connection.command(paths::USERS, &proof, &body).await?;
        Ok(())
    }

    /// The header of a command, as the device signs it.
    pub fn authorize(&self, cluster: ClusterId, op: &Op) -> String {
        let authorization = Authorization {
            device: self.device.public(),
            cluster,
            request: RequestId(random()),
            not_after: now().plus(COMMAND_LIFE),
            op: op.hash(),
        };
        BASE64URL_NOPAD.encode(Signed::new(&self.device, authorization).as_bytes())
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
