//! The operation that the body of a command stands for.

use super::{
    AckRights, CreateGrant, DebitView, EndSession, PutDeal, PutReceipt, PutRights, Register,
    Reopen, ReportOffline, RevokeDevice, StartSession,
};
use crate::ids::UserName;
use crate::op::Op;

impl From<&Register> for Op {
    fn from(body: &Register) -> Self {
        Self::Register {
            card: body.card.clone(),
            certificate: body.certificate.clone(),
            invite: body.invite.clone(),
        }
    }
}

impl From<&RevokeDevice> for Op {
    fn from(body: &RevokeDevice) -> Self {
        Self::RevokeDevice {
            revocation: body.revocation.clone(),
        }
    }
}

impl From<&StartSession> for Op {
    fn from(body: &StartSession) -> Self {
        Self::StartSession {
            endpoint: body.endpoint.clone(),
            listed: body.listed,
        }
    }
}

impl From<&EndSession> for Op {
    fn from(body: &EndSession) -> Self {
        Self::EndSession { epoch: body.epoch }
    }
}

impl ReportOffline {
    /// The operation; the user is in the path.
    #[must_use]
    pub fn op(&self, user: UserName) -> Op {
        Op::ReportOffline {
            user,
            epoch: self.epoch,
        }
    }
}

impl From<&CreateGrant> for Op {
    fn from(body: &CreateGrant) -> Self {
        Self::CreateGrant {
            request: body.request.clone(),
            manifest: body.manifest.clone(),
            deal: body.deal.clone(),
            rights: body.rights.clone(),
        }
    }
}

impl From<&PutDeal> for Op {
    fn from(body: &PutDeal) -> Self {
        Self::PutDeal {
            deal: body.deal.clone(),
        }
    }
}

impl From<&Reopen> for Op {
    fn from(body: &Reopen) -> Self {
        Self::Reopen {
            reopening: body.reopening.clone(),
            deal: body.deal.clone(),
        }
    }
}

impl From<&PutReceipt> for Op {
    fn from(body: &PutReceipt) -> Self {
        Self::PutReceipt {
            receipt: body.receipt.clone(),
        }
    }
}

impl From<&PutRights> for Op {
    fn from(body: &PutRights) -> Self {
        Self::PutRights {
            rights: body.rights.clone(),
        }
    }
}

impl From<&AckRights> for Op {
    fn from(body: &AckRights) -> Self {
        Self::AckRights {
            ack: body.ack.clone(),
        }
    }
}

impl From<&DebitView> for Op {
    fn from(body: &DebitView) -> Self {
        Self::Debit {
            request: body.request.clone(),
        }
    }
}
