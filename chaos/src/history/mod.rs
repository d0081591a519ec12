//! Histories: what clients asked of a cluster, what they were told, and which faults struck.
//!
//! One JSON row an operation, in the order in which the operations ended. An operation whose
//! outcome is unknown has no return: it may have taken place at any time after its call, or never.
//! Only what certainly did not take place is left out.

mod grant;
mod operation;
mod read;
mod row;
#[cfg(test)]
mod tests;
mod write;

pub use grant::{
    AckArg, ConfirmArg, Confirmed, CreateArg, DebitArg, Debited, DeliveredBy, LogRead,
    PutRightsArg, ReadArg, ReleaseArg, Released, RightsStored, Terms, Usage, ViewTaken,
};
pub use operation::{
    Begin, EpochArg, FaultArg, FloorSeen, Found, Happened, Held, JobEnd, LookUpArg, Observed, Op,
    Opened, Operation, PermitArg, Permitted, PlaceArg, Placed, RegisterArg, RunArg, SessionArg,
    Shown, Struck, Tamper,
};
pub use read::{ReadError, read};
pub use row::{Answer, FORMAT, History, Key, Micros, Row};
pub use write::Recorder;
