//! The operations on a grant, with their answers.

use cameo_common::api::ErrorCode;
use cameo_common::ids::Hash;

/// A request, a signed statement or the like, numbered by first appearance.
pub type Number = u32;

/// A definite answer.
pub type Answer<T> = Result<T, ErrorCode>;

/// One version of the rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Terms {
    pub version: u64,
    pub permitted: u32,
    pub revoked: bool,
    /// Whether its expiry lies before the run.
    pub expired: bool,
    pub statement: Hash,
}

/// A request id, if the history has it more than once: only then does it matter that the cluster
/// remembers the first answer.
pub type Repeated = Option<Number>;

/// An operation; an answer of None is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantOp {
    Create {
        request: Repeated,
        rights: Terms,
        answer: Option<Answer<()>>,
    },
    Debit {
        request: Number,
        statement: Number,
        /// Whether the viewer's device has signed it.
        genuine: bool,
        answer: Option<Answer<Charged>>,
    },
    /// A node's part for a charged view. One without an answer tells nothing.
    Release {
        request: Number,
        statement: Number,
        /// Whether the time to resume it may be over.
        late: bool,
        answer: Answer<()>,
    },
    Usage(Answer<Usage>),
    /// The views taken, in order.
    Log(Answer<Vec<Number>>),
    Put {
        request: Repeated,
        rights: Terms,
        answer: Option<Answer<Stored>>,
    },
    Acknowledge {
        request: Repeated,
        version: u64,
        answer: Option<Answer<Stored>>,
    },
}

/// The answer to a debit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    pub number: u32,
    pub used: u32,
    pub left: u32,
}

/// The answer to a statement of rights, or to an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stored {
    pub version: u64,
    pub in_mailbox: bool,
}

/// A read of rights and usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub version: u64,
    pub statement: Hash,
    pub permitted: u32,
    pub used: u32,
    pub left: u32,
    pub revoked: bool,
    pub acknowledged: u64,
    pub in_mailbox: bool,
}
