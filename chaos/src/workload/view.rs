//! Views of a grant: charged by the cluster, opened with its parts.

use cameo_common::api::{DebitView, Debited, ReleasePart, Released, paths};
use cameo_common::ids::{NodeId, RequestId};
use cameo_common::keys::{SIGNATURE_LENGTH, SealingSecret};
use cameo_common::signed::Signed;
use cameo_common::statements::Deal;

use super::ask::Ask;
use super::client::{Client, Outcome};
use super::grant::Grant;
use super::person::Device;
use crate::history::{self, Op, Operation};
use crate::statements;

/// A view that a device has asked for: what it repeats, and opens parts with.
#[derive(Debug, Clone)]
pub struct View {
    pub request: RequestId,
    /// False when it is not signed by the device that it names.
    pub genuine: bool,
    content: statements::View,
    ask: Ask,
}

/// A charged view.
#[derive(Debug, Clone)]
pub struct Charged {
    pub index: u64,
    pub deal: Option<Deal>,
}

impl Grant {
    /// A view that a device asks for.
    pub fn view(&self, client: &mut Client, device: &Device) -> View {
        let request = client.request();
        self.view_of(client, device, request, true)
    }

    /// A view with an id that may have been used before: then the statement is another one. Not
    /// genuine: it does not carry the device's signature.
    pub fn view_of(
        &self,
        client: &mut Client,
        device: &Device,
        request: RequestId,
        genuine: bool,
    ) -> View {
        let one_time = SealingSecret::from_bytes(client.bytes());
        let of = (client.run.cluster, self.id);
        let now = client.run.port.now_unix();
        let mut content = statements::View::new(&device.key, of, request, one_time, now);
        if !genuine {
            content.signed = unsigned(&content.signed);
        }
        let body = DebitView {
            request: content.signed.clone(),
        };
        let call = client.request();
        View {
            request,
            genuine,
            ask: Ask::signed(paths::fill(paths::VIEWS, &self.id), &body, call),
            content,
        }
    }

    /// One attempt to charge a view.
    pub async fn debit(
        &self,
        client: &mut Client,
        device: &Device,
        node: NodeId,
        view: &View,
    ) -> Outcome<Charged> {
        let arg = history::DebitArg {
            request: view.request,
            device: device.key.public(),
            statement: view.content.signed.hash(),
            genuine: view.genuine,
        };
        let mut deal = None;
        let figures = |debited: Debited| {
            deal = debited.deal.verify().ok();
            history::Debited {
                number: debited.number,
                used: debited.used,
                left: debited.left,
                index: debited.index,
            }
        };
        let op = |out| Op::Debit(Operation { arg, out });
        let attempt = client.attempt(&device.key, node, &view.ask, &self.key, figures, op);
        match attempt.await {
            Outcome::Answered(answer) => Outcome::Answered(match answer {
                history::Answer::Ok(figures) => history::Answer::Ok(Charged {
                    index: figures.index,
                    deal,
                }),
                history::Answer::Refused(code) => history::Answer::Refused(code),
            }),
            Outcome::NotDone => Outcome::NotDone,
            Outcome::Unknown => Outcome::Unknown,
        }
    }

    /// One node's part of a view, which need not have been charged.
    pub async fn release(
        &self,
        client: &mut Client,
        device: &Device,
        node: NodeId,
        view: &View,
        charged: &Charged,
    ) -> Outcome<history::Released> {
        let index = charged.index;
        let body = ReleasePart {
            request: view.content.signed.clone(),
            index: Some(index),
        };
        let call = client.request();
        let ask = Ask::post(paths::fill(paths::PARTS, &self.id), &body, call);
        let arg = history::ReleaseArg {
            request: view.request,
            node,
            statement: view.content.signed.hash(),
            index,
        };
        let op = |out| Op::Release(Operation { arg, out });
        let result = |released: Released| history::Released {
            deal: released.deal,
            x: released.x,
            opens: charged.deal.as_ref().is_some_and(|deal| {
                released.node == node && view.content.open(deal, &released).is_some()
            }),
        };
        let attempt = client.attempt(&device.key, node, &ask, &self.key, result, op);
        attempt.await
    }
}

/// The same statement under a signature that is none.
fn unsigned<T>(signed: &Signed<T>) -> Signed<T> {
    let mut bytes = signed.as_bytes().to_vec();
    // The signature comes first. Its second half is a number, of which any other is wrong.
    if let Some(byte) = bytes.get_mut(SIGNATURE_LENGTH / 2) {
        *byte ^= 1;
    }
    Signed::from_bytes(bytes)
}
