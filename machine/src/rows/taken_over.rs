//! The rows of a predecessor that a restored cluster takes over.
//!
//! Left out is what belongs to the old cluster or to a moment: its identity, descriptors and time,
//! invites, workers and tokens, sessions, the retry table, notices and mail, and the counts of
//! grants that are dealt to its nodes.

use super::*;

macro_rules! taken_over {
    ($($row:ident),+) => {
        /// Whether a row with this key is taken over.
        #[must_use]
        pub fn is_taken_over(key: &[u8]) -> bool {
            let kinds = [$($row::KIND as u8),+];
            key.first().is_some_and(|kind| kinds.contains(kind))
        }

        /// Whether it reads, as a row of the layout of this program.
        pub fn reads(key: &[u8], value: &[u8]) -> bool {
            $(try_decode::<$row>(key, value).is_some())||+
        }
    };
}
taken_over!(
    User,
    KeyOwner,
    Device,
    DeviceOf,
    Epochs,
    Certificate,
    Revocation,
    CertificateOf,
    Retired,
    Grant,
    CurrentRights,
    GrantUsage,
    DealRow,
    ReceiptRow,
    LiveGrant,
    GrantOf,
    GrantCount,
    Counterparty,
    RequestUsed,
    GrantDue,
    ViewRow,
    ViewNumber,
    Stream
);
