//! A person: identity, and the devices that act for it.

use cameo_common::api::{Register, Registered, paths};
use cameo_common::identity::DeviceCertificate;
use cameo_common::ids::{NodeId, UserName};
use cameo_common::keys::{SealingSecret, SigningKey};
use cameo_common::signed::Signed;

use super::ask::Ask;
use super::client::{Client, Outcome, persist};
use crate::history::{Key, Op, Operation, RegisterArg};
use crate::statements::Party;

/// A name with its keys.
#[derive(Debug)]
pub struct Person {
    pub name: UserName,
    pub identity: SigningKey,
    pub sealing: SealingSecret,
    /// The first one registers with the name.
    pub devices: Vec<Device>,
}

/// A device and its certificate.
#[derive(Debug)]
pub struct Device {
    pub key: SigningKey,
    pub certificate: Signed<DeviceCertificate>,
}

impl Person {
    /// Keys for a person with this many devices.
    pub fn new(client: &mut Client, name: UserName, devices: usize) -> Self {
        let identity = SigningKey::from_seed(client.bytes());
        let sealing = SealingSecret::from_bytes(client.bytes());
        let mut person = Self {
            name,
            identity,
            sealing,
            devices: Vec::new(),
        };
        let now = client.run.port.now_unix();
        for _ in 0..devices {
            let key = SigningKey::from_seed(client.bytes());
            let certificate = person.party().certificate(key.public(), now);
            person.devices.push(Device { key, certificate });
        }
        person
    }

    /// The person in statements.
    #[must_use]
    pub fn party(&self) -> Party<'_> {
        Party {
            name: &self.name,
            identity: &self.identity,
            sealing: self.sealing.public(),
        }
    }

    /// The key of the person's history.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::user(self.name.as_str())
    }

    /// One attempt to register a device.
    pub async fn register(
        &self,
        client: &mut Client,
        node: NodeId,
        device: &Device,
        ask: &Ask,
    ) -> Outcome<()> {
        let arg = RegisterArg {
            request: ask.request,
            owner: self.identity.public(),
            device: device.key.public(),
        };
        let op = |out| Op::Register(Operation { arg, out });
        let key = self.key();
        let attempt = client.attempt(&device.key, node, ask, &key, |_: Registered| (), op);
        attempt.await
    }

    /// The call that registers a device.
    pub fn registration(&self, client: &mut Client, device: &Device) -> Ask {
        let body = Register {
            card: self.party().card(),
            certificate: device.certificate.clone(),
            invite: None,
        };
        let request = client.request();
        Ask::command(paths::USERS.to_owned(), &body, &body, request)
    }

    /// Registers all devices, one after another. True once the cluster has acknowledged each.
    pub async fn register_all(&self, client: &mut Client) -> bool {
        for device in &self.devices {
            let ask = self.registration(client, device);
            let registered = persist!(client, |node| self.register(client, node, device, &ask));
            if registered.ok().is_none() {
                return false;
            }
        }
        true
    }
}
