//! Grants: rights, views, parts, reads.

use cameo_common::ids::{Millis, NodeId};

use super::{Refused, Story, Told, Unknown, grant, hash, id, key};
use crate::history::{
    AckArg, ConfirmArg, Confirmed, CreateArg, DebitArg, Debited, DeliveredBy, LogRead, Op,
    Operation, PutRightsArg, ReadArg, ReleaseArg, Released, RightsStored, Terms, Usage, ViewTaken,
};

/// A grant of so many views.
pub(in crate::laws::tests) fn granted(permitted: u32) -> Story {
    let mut story = Story::of(&["ledger"]);
    story.create(permitted);
    story
}

/// Rights without an expiry.
pub(in crate::laws::tests) fn terms(version: u64, permitted: u32, revoked: bool) -> Terms {
    Terms {
        version,
        permitted,
        revoked,
        expires: None,
        statement: hash(100 + version as u8),
    }
}

impl Story {
    /// A grant of version 1, whose viewer has key 2.
    pub fn create(&mut self, permitted: u32) -> &mut Self {
        let arg = CreateArg {
            request: id(200),
            owner: key(1),
            viewer: key(2),
            rights: terms(1, permitted, false),
        };
        self.asked(grant(), arg, Told::Ok(()), Op::Create)
    }

    pub fn put(&mut self, rights: Terms, told: Told<RightsStored>) -> &mut Self {
        let request = id(self.client as u8);
        let arg = PutRightsArg { request, rights };
        self.asked(grant(), arg, told, Op::PutRights)
    }

    pub fn put_ok(&mut self, rights: Terms) -> &mut Self {
        let version = rights.version;
        let stored = stored(version, true);
        self.put(rights, stored)
    }

    pub fn confirm(&mut self, node: u64, asked: u64, version: u64, genuine: bool) -> &mut Self {
        let arg = ConfirmArg {
            node: NodeId(node),
            version: asked,
        };
        let confirmed = Confirmed {
            version,
            rights: hash(100 + version as u8),
            genuine,
        };
        self.asked(grant(), arg, Told::Ok(confirmed), Op::Confirm)
    }

    pub fn ack(&mut self, version: u64, told: Told<RightsStored>) -> &mut Self {
        let request = id(self.client as u8);
        let arg = AckArg { request, version };
        self.asked(grant(), arg, told, Op::Acknowledge)
    }

    pub fn delivered(&mut self, rights: Terms, stream: u64, sequence: u64) -> &mut Self {
        let out = Some(DeliveredBy {
            sequence,
            genuine: true,
            stream,
        });
        self.add(grant(), true, Op::Delivered(Operation { arg: rights, out }))
    }

    pub fn debit(&mut self, request: u8, told: Told<Debited>) -> &mut Self {
        self.debit_with(request, request, true, told)
    }

    pub fn debit_with(
        &mut self,
        request: u8,
        statement: u8,
        genuine: bool,
        told: Told<Debited>,
    ) -> &mut Self {
        let arg = DebitArg {
            request: id(request),
            device: key(102),
            statement: hash(statement),
            genuine,
        };
        self.asked(grant(), arg, told, Op::Debit)
    }

    pub fn release(&mut self, request: u8, node: u64, told: Told<()>) -> &mut Self {
        self.release_with((request, request), node, true, told)
    }

    pub fn release_with(
        &mut self,
        (request, statement): (u8, u8),
        node: u64,
        opens: bool,
        told: Told<()>,
    ) -> &mut Self {
        let arg = ReleaseArg {
            request: id(request),
            node: NodeId(node),
            statement: hash(statement),
            index: 1,
        };
        let part = Released {
            deal: 1,
            x: node as u8,
            opens,
        };
        let told = match told {
            Told::Ok(()) => Told::Ok(part),
            Refused(code) => Refused(code),
            Unknown => Unknown,
        };
        self.asked(grant(), arg, told, Op::Release)
    }

    pub fn usage(&mut self, usage: Usage) -> &mut Self {
        let arg = ReadArg { node: NodeId(1) };
        self.asked(grant(), arg, Told::Ok(usage), Op::Usage)
    }

    pub fn log(&mut self, requests: &[u8]) -> &mut Self {
        let views = requests
            .iter()
            .zip(1..)
            .map(|(&request, number)| ViewTaken {
                number,
                at: Millis(2_000_000 + u64::from(number)),
                device: key(102),
                request: id(request),
                statement: hash(request),
                proved: true,
            });
        let log = LogRead {
            views: views.collect(),
        };
        let arg = ReadArg { node: NodeId(1) };
        self.asked(grant(), arg, Told::Ok(log), Op::Log)
    }
}

pub(in crate::laws::tests) fn charged(number: u32, left: u32) -> Told<Debited> {
    Told::Ok(Debited {
        number,
        used: number,
        left,
        index: 100 + u64::from(number),
    })
}

pub(in crate::laws::tests) fn stored(version: u64, in_mailbox: bool) -> Told<RightsStored> {
    Told::Ok(RightsStored {
        version,
        in_mailbox,
    })
}

/// What is read of a grant.
pub(in crate::laws::tests) fn usage(rights: &Terms, used: u32, acknowledged: u64) -> Usage {
    Usage {
        version: rights.version,
        statement: rights.statement,
        permitted: rights.permitted,
        used,
        left: if rights.revoked {
            0
        } else {
            rights.permitted.saturating_sub(used)
        },
        revoked: rights.revoked,
        acknowledged,
        in_mailbox: acknowledged < rights.version,
    }
}
