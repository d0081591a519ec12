//! Backups: one certified snapshot of the state, in a file of the operator's.
//!
//! A backup is taken on the operator's signed order alone. The node that is asked (`taking`) has
//! the voters capture the state at one index (`captures`), and sends the snapshot once a majority
//! has signed it. The operator's side (`fetch`) writes it to a `file`, and believes nothing of it
//! that the signatures do not prove.
//!
//! A new cluster begins from a backup that each of its founders has `kept`, once the operator has
//! `approve`d it.

mod approve;
mod captures;
mod fetch;
mod file;
mod kept;
mod report;
mod taking;

pub use approve::{ApproveError, approve};
pub use captures::{Captures, OperatorKey};
pub use fetch::{BackupError, fetch};
pub use file::{BackupFileError, BackupInfo, is_backup, verify};
pub use kept::{KeptBackup, Pieces, RestoreError, keep};
pub use report::{json, json_of_failure, json_of_unusable};
pub use taking::{TakeError, Taking};
