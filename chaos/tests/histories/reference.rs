//! Names and a grant as a program: what each operation is answered. It makes the generated
//! histories, and is the specification that the other checker judges by. It shares no code with
//! `cameo_chaos::specification`.

use std::collections::HashMap;

use cameo_chaos::history::{Answer, Debited, Op, RightsStored, Terms, Usage};
use cameo_common::api::ErrorCode;
use cameo_common::ids::{Hash, Millis, RequestId};
use cameo_common::keys::PublicKey;
use stateright::semantics::SequentialSpec;

/// One name and one grant.
#[derive(Debug, Clone)]
pub struct Reference {
    owner: Option<PublicKey>,
    rights: Option<Terms>,
    acknowledged: u64,
    views: Vec<View>,
    answers: HashMap<RequestId, RightsStored>,
    /// What expires before this has expired; nothing expires within a run.
    pub started: Millis,
    /// One of its rules is broken.
    pub bug: Option<Bug>,
}

#[derive(Debug, Clone)]
pub struct View {
    pub request: RequestId,
    statement: Hash,
    left: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    ChargesAgain,
    OneTooMany,
    LowerVersionWins,
    AckRemovesNewer,
    ReleasesRevoked,
    RefusesAndDoes,
    SignatureUnchecked,
    /// By the generator: reads see what was a while ago.
    StaleRead,
    /// By the generator: what was done last is forgotten.
    LosesWrites,
}

impl Bug {
    pub const ALL: [Self; 9] = [
        Self::ChargesAgain,
        Self::OneTooMany,
        Self::LowerVersionWins,
        Self::AckRemovesNewer,
        Self::ReleasesRevoked,
        Self::RefusesAndDoes,
        Self::SignatureUnchecked,
        Self::StaleRead,
        Self::LosesWrites,
    ];
}

/// An answer without what only a log knows.
#[derive(Debug, Clone, PartialEq)]
pub enum Ret {
    Done(Answer<()>),
    Found(Answer<Option<PublicKey>>),
    Debited(Answer<(u32, u32, u32)>),
    Usage(Answer<Usage>),
    Log(Answer<Vec<(RequestId, Hash)>>),
    Stored(Answer<RightsStored>),
}

fn map<T, U>(answer: &Answer<T>, of: impl FnOnce(&T) -> U) -> Answer<U> {
    match answer {
        Answer::Ok(result) => Answer::Ok(of(result)),
        Answer::Refused(code) => Answer::Refused(*code),
    }
}

/// The answer in a row. None when there is none, or the row is of no object.
pub fn answer_in(op: &Op) -> Option<Ret> {
    Some(match op {
        Op::Register(op) => Ret::Done(op.out.clone()?),
        Op::LookUp(op) => Ret::Found(map(op.out.as_ref()?, |found| {
            found.as_ref().map(|found| found.owner)
        })),
        Op::Create(op) => Ret::Done(op.out.clone()?),
        Op::Debit(op) => Ret::Debited(map(op.out.as_ref()?, |debited| {
            (debited.number, debited.used, debited.left)
        })),
        Op::Release(op) => Ret::Done(map(op.out.as_ref()?, |_| ())),
        Op::Usage(op) => Ret::Usage(op.out.clone()?),
        Op::Log(op) => Ret::Log(map(op.out.as_ref()?, |log| {
            log.views
                .iter()
                .map(|view| (view.request, view.statement))
                .collect()
        })),
        Op::PutRights(op) => Ret::Stored(op.out.clone()?),
        Op::Acknowledge(op) => Ret::Stored(op.out.clone()?),
        _ => return None,
    })
}

impl SequentialSpec for Reference {
    type Op = Op;
    type Ret = Ret;

    fn is_valid_step(&mut self, op: &Op, ret: &Ret) -> bool {
        self.accepts(op, ret)
    }

    fn invoke(&mut self, op: &Op) -> Ret {
        match op {
            Op::Register(op) => Ret::Done(self.register(op.arg.owner)),
            Op::LookUp(_) => Ret::Found(Answer::Ok(self.owner)),
            Op::Create(op) => {
                if self.rights.is_some() {
                    return Ret::Done(Answer::Refused(ErrorCode::GrantExists));
                }
                self.rights = Some(op.arg.rights.clone());
                Ret::Done(Answer::Ok(()))
            }
            Op::Debit(op) => {
                let arg = &op.arg;
                Ret::Debited(self.debit(arg.request, arg.statement, arg.genuine))
            }
            Op::Release(op) => Ret::Done(self.release(op.arg.request, op.arg.statement)),
            Op::Usage(_) => Ret::Usage(self.usage()),
            Op::Log(_) => Ret::Log(match self.rights {
                Some(_) => Answer::Ok(
                    self.views
                        .iter()
                        .map(|view| (view.request, view.statement))
                        .collect(),
                ),
                None => Answer::Refused(ErrorCode::NotFound),
            }),
            Op::PutRights(op) => Ret::Stored(self.put(op.arg.request, &op.arg.rights)),
            Op::Acknowledge(op) => Ret::Stored(self.acknowledge(op.arg.request, op.arg.version)),
            other => unreachable!("{other:?} is of no object"),
        }
    }
}

impl Reference {
    /// Whether an answer is right. What a forged request is refused with does not matter.
    fn accepts(&mut self, op: &Op, ret: &Ret) -> bool {
        match (op, ret) {
            (Op::Debit(op), Ret::Debited(Answer::Refused(_))) if !op.arg.genuine => true,
            _ => self.invoke(op) == *ret,
        }
    }

    /// One that may be wrong in a known way.
    pub fn with(bug: Option<Bug>) -> Self {
        Self {
            owner: None,
            rights: None,
            acknowledged: 0,
            views: Vec::new(),
            answers: HashMap::new(),
            started: Millis::EPOCH,
            bug,
        }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn register(&mut self, owner: PublicKey) -> Answer<()> {
        if *self.owner.get_or_insert(owner) == owner {
            Answer::Ok(())
        } else {
            Answer::Refused(ErrorCode::NameTaken)
        }
    }

    /// Why a view of this number is not permitted now.
    fn denied(&self, number: u32) -> Option<ErrorCode> {
        let Some(rights) = &self.rights else {
            return Some(ErrorCode::NotFound);
        };
        let more = u32::from(self.has(Bug::OneTooMany));
        if rights.revoked {
            Some(ErrorCode::Revoked)
        } else if rights
            .expires
            .is_some_and(|expires| expires <= self.started)
        {
            Some(ErrorCode::Expired)
        } else if number > rights.permitted + more {
            Some(ErrorCode::UsedUp)
        } else {
            None
        }
    }

    fn debit(
        &mut self,
        request: RequestId,
        statement: Hash,
        genuine: bool,
    ) -> Answer<(u32, u32, u32)> {
        if !genuine && !self.has(Bug::SignatureUnchecked) {
            return Answer::Refused(ErrorCode::NotAuthenticated);
        }
        let known = self.views.iter().position(|view| view.request == request);
        if let Some(known) = known.filter(|_| !self.has(Bug::ChargesAgain)) {
            if self.views[known].statement != statement {
                return Answer::Refused(ErrorCode::RequestReused);
            }
            let number = known as u32 + 1;
            return Answer::Ok((number, number, self.views[known].left));
        }
        let number = self.views.len() as u32 + 1;
        if let Some(code) = self.denied(number) {
            if code == ErrorCode::UsedUp && self.has(Bug::RefusesAndDoes) {
                self.charge(request, statement, 0);
            }
            return Answer::Refused(code);
        }
        let permitted = self.rights.as_ref().map_or(0, |rights| rights.permitted);
        let left = permitted.saturating_sub(number);
        self.charge(request, statement, left);
        Answer::Ok((number, number, left))
    }

    fn charge(&mut self, request: RequestId, statement: Hash, left: u32) {
        self.views.push(View {
            request,
            statement,
            left,
        });
    }

    fn release(&self, request: RequestId, statement: Hash) -> Answer<()> {
        let Some(at) = self.views.iter().position(|view| view.request == request) else {
            return Answer::Refused(ErrorCode::NotDebited);
        };
        if self.views[at].statement != statement {
            return Answer::Refused(ErrorCode::RequestReused);
        }
        match self.denied(at as u32 + 1) {
            Some(code) if !self.has(Bug::ReleasesRevoked) => Answer::Refused(code),
            _ => Answer::Ok(()),
        }
    }

    fn usage(&self) -> Answer<Usage> {
        let Some(rights) = &self.rights else {
            return Answer::Refused(ErrorCode::NotFound);
        };
        let used = self.views.len() as u32;
        let left = match rights.revoked {
            true => 0,
            false => rights.permitted.saturating_sub(used),
        };
        Answer::Ok(Usage {
            version: rights.version,
            statement: rights.statement,
            permitted: rights.permitted,
            used,
            left,
            revoked: rights.revoked,
            acknowledged: self.acknowledged,
            in_mailbox: self.acknowledged < rights.version,
        })
    }

    fn put(&mut self, request: RequestId, new: &Terms) -> Answer<RightsStored> {
        if let Some(first) = self.answers.get(&request) {
            return Answer::Ok(first.clone());
        }
        let Some(rights) = &mut self.rights else {
            return Answer::Refused(ErrorCode::NotFound);
        };
        let lower_wins = self.bug == Some(Bug::LowerVersionWins);
        if new.statement != rights.statement {
            if new.version <= rights.version && !lower_wins {
                return Answer::Refused(ErrorCode::StaleVersion);
            }
            *rights = new.clone();
        }
        self.stored(request, new.version)
    }

    fn acknowledge(&mut self, request: RequestId, version: u64) -> Answer<RightsStored> {
        if let Some(first) = self.answers.get(&request) {
            return Answer::Ok(first.clone());
        }
        let Some(current) = self.rights.as_ref().map(|rights| rights.version) else {
            return Answer::Refused(ErrorCode::NotFound);
        };
        if version > current {
            return Answer::Refused(ErrorCode::Mismatch);
        }
        let confirmed = match self.has(Bug::AckRemovesNewer) {
            true => current,
            false => version,
        };
        self.acknowledged = self.acknowledged.max(confirmed);
        self.stored(request, current)
    }

    fn stored(&mut self, request: RequestId, version: u64) -> Answer<RightsStored> {
        let stored = RightsStored {
            version,
            in_mailbox: self.acknowledged < version,
        };
        self.answers.insert(request, stored.clone());
        Answer::Ok(stored)
    }

    /// The views taken.
    pub fn views(&self) -> &[View] {
        &self.views
    }
}

/// The log index of a view, for the generator: any that rises with the number.
pub fn debited((number, used, left): (u32, u32, u32), grant: u64) -> Debited {
    Debited {
        number,
        used,
        left,
        index: grant * 1_000_000 + u64::from(number),
    }
}
