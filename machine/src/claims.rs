//! The signatures that an entry claims, without the state.
//!
//! They are all that deciding it verifies: no rule verifies a statement of a row, since what is in
//! the state was verified by the entry that wrote it. So a node can verify those of many entries in
//! one batch before it decides the first.

use cameo_common::keys::SignatureClaim;
use cameo_common::op::Op;
use cameo_common::signed::{Signed, Statement};

use super::command::Caller;
use super::decide;

/// The claims of an encoded entry: the caller's, and those of the statements in its operation that
/// this caller's command verifies. An entry that is refused by its form alone has none, and a
/// statement that is not well-formed has no claim. Deciding the entry may verify fewer.
#[must_use]
pub fn claims(entry: &[u8]) -> Vec<SignatureClaim> {
    let Ok(entry) = decide::decode(entry) else {
        return Vec::new();
    };
    let mut claims = Claims::default();
    match (&entry.command.caller, &entry.command.op) {
        (Caller::Node(_), _) => {}
        (Caller::Device(signed), op) => {
            claims.add(signed);
            claims.add_of_device(op);
        }
        (Caller::Operator(signed), op) => {
            claims.add(signed);
            if let Op::ChangeDescriptor { link, .. } = op {
                link.statements().for_each(|signed| claims.add(signed));
            }
        }
        (Caller::Signer, Op::Debit { request }) => claims.add(request),
        (Caller::Signer, Op::AdmitWorker { token, used }) => {
            claims.add(token);
            claims.add(used);
        }
        (Caller::Signer, _) => {}
    }
    claims.0
}

#[derive(Default)]
struct Claims(Vec<SignatureClaim>);

impl Claims {
    fn add<T: Statement>(&mut self, signed: &Signed<T>) {
        self.0.extend(signed.claim().ok());
    }

    /// Adds those of the statements in an operation that a device has authorized.
    fn add_of_device(&mut self, op: &Op) {
        match op {
            Op::Register {
                card,
                certificate,
                invite,
            } => {
                self.add(card);
                self.add(certificate);
                if let Some(invite) = invite {
                    self.add(invite);
                }
            }
            Op::StartSession { endpoint, .. } => self.add(endpoint),
            Op::CreateGrant {
                request,
                manifest,
                deal,
                rights,
            } => {
                self.add(request);
                self.add(manifest);
                self.add(deal);
                self.add(rights);
            }
            Op::PutReceipt { receipt } => self.add(receipt),
            Op::PutRights { rights } => self.add(rights),
            Op::AckRights { ack } => self.add(ack),
            Op::RevokeDevice { revocation } => self.add(revocation),
            Op::PutDeal { deal } => self.add(deal),
            Op::Reopen { reopening, deal } => {
                self.add(reopening);
                self.add(deal);
            }
            // Without statements, or refused to a device before they are verified.
            Op::Found(_)
            | Op::EndSession { .. }
            | Op::ReportOffline { .. }
            | Op::ExpireSessions(_)
            | Op::Debit { .. }
            | Op::SetRegistration(_)
            | Op::CreateInvite { .. }
            | Op::Retire { .. }
            | Op::AdmitWorker { .. }
            | Op::RemoveWorker { .. }
            | Op::ChangeDescriptor { .. }
            | Op::ApproveRestore(_)
            | Op::TakeOver(_) => {}
        }
    }
}
