//! A name of the directory: it belongs to the first key that registers it (laws D1 and D2).

use cameo_common::api::ErrorCode;
use cameo_common::keys::PublicKey;

use crate::linearizable::{Specification, Step};

/// The owner of one name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Name;

/// An operation on a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameOp {
    Register {
        owner: PublicKey,
        /// None: the outcome is unknown.
        answer: Option<Result<(), ErrorCode>>,
        /// Whether somebody tried to give this key another name too: a key has one name.
        has_other_names: bool,
    },
    /// The owner that was found. A look-up without an answer tells nothing.
    LookUp(Result<Option<PublicKey>, ErrorCode>),
}

impl Specification for Name {
    type State = Option<PublicKey>;
    type Op = NameOp;

    fn initial(&self) -> Self::State {
        None
    }

    fn step(&self, owner: &Self::State, op: &NameOp) -> Step<Self::State> {
        match op {
            NameOp::Register {
                owner: new,
                answer: None | Some(Ok(())),
                ..
            } => match owner {
                None => Step::Changed(Some(*new)),
                Some(known) if known == new => Step::Same,
                Some(_) => Step::Never,
            },
            NameOp::Register {
                owner: new,
                answer: Some(Err(code)),
                has_other_names,
            } => same_if(match code {
                ErrorCode::NameTaken => {
                    *has_other_names || owner.is_some_and(|known| known != *new)
                }
                // An older statement than the one that is there.
                ErrorCode::StaleVersion => *owner == Some(*new),
                _ => true,
            }),
            NameOp::LookUp(Ok(found)) => same_if(found == owner),
            NameOp::LookUp(Err(ErrorCode::NotRegistered | ErrorCode::NotFound)) => {
                same_if(owner.is_none())
            }
            NameOp::LookUp(Err(_)) => Step::Same,
        }
    }
}

/// What holds in a state or in none that follows.
pub(super) fn same_or_never<S>(possible: bool) -> Step<S> {
    if possible { Step::Same } else { Step::Never }
}

pub(super) fn same_if<S>(possible: bool) -> Step<S> {
    if possible {
        Step::Same
    } else {
        Step::Impossible
    }
}
