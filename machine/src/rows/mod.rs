//! The rows of the state: every kind, with its key and its value.
//!
//! A row's key is its kind's number followed by its typed key. Its value is a layout version
//! followed by canonical postcard. Both are on disk and in snapshots, and pinned by tests.
//!
//! A row that does not decode is damaged, or our bug: no input from outside can write one. Reading
//! it panics, which stops the node's apply. A node that guessed would silently diverge from all
//! others.

mod cluster;
mod events;
mod grants;
mod key;
mod restore;
mod retries;
mod taken_over;
mod users;
mod views;

use cameo_common::signed::{Signed, Statement};
use cameo_common::wire;
use serde::{Serialize, de::DeserializeOwned};

pub use cluster::{
    AdmittedWorker, DescriptorRow, EntryVersion, Founded, InviteRow, LogTime, Registration,
    SuccessionRow, TokenUsed,
};
pub use events::{Mail, MailAt, Notice, NoticeKind, Stream};
pub use grants::{
    Counterparty, CurrentRights, DealRow, DealtCount, DealtTo, Grant, GrantCount, GrantDue,
    GrantOf, GrantUsage, LiveGrant, NextDue, NextExpiry, Party, ReceiptRow, RequestUsed,
};
pub use key::Key;
pub use restore::{Restore, RestoreStage, TakenOver};
pub use retries::{RetriesFrom, Retry, RetryAt};
pub use taken_over::{is_taken_over, reads};
pub use users::{
    Certificate, CertificateOf, Device, DeviceOf, Epochs, KeyOwner, Listed, Retired, Revocation,
    Session, User,
};
pub use views::{ViewNumber, ViewRow};

use super::state_view::StateView;

/// Every kind of row. The numbers are on disk: never change or reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    LogTime = 0x01,
    Founded = 0x02,
    Descriptor = 0x03,
    Registration = 0x04,
    Invite = 0x05,
    AdmittedWorker = 0x06,
    TokenUsed = 0x07,
    Succession = 0x08,
    EntryVersion = 0x09,
    Restore = 0x0a,

    User = 0x10,
    KeyOwner = 0x11,
    Device = 0x12,
    DeviceOf = 0x13,
    Session = 0x14,
    Epochs = 0x15,
    Listed = 0x16,
    Certificate = 0x17,
    Revocation = 0x18,
    CertificateOf = 0x19,
    Retired = 0x1a,

    Grant = 0x20,
    CurrentRights = 0x21,
    GrantUsage = 0x22,
    Deal = 0x23,
    Receipt = 0x24,
    LiveGrant = 0x25,
    GrantOf = 0x26,
    GrantCount = 0x27,
    Counterparty = 0x28,
    RequestUsed = 0x29,
    GrantDue = 0x2a,
    NextDue = 0x2b,
    DealtTo = 0x2c,
    DealtCount = 0x2d,
    NextExpiry = 0x2e,
    TakenOver = 0x2f,

    View = 0x30,
    ViewNumber = 0x31,

    Stream = 0x40,
    Notice = 0x41,
    MailAt = 0x42,
    Mail = 0x43,

    Retry = 0x50,
    RetryAt = 0x51,
    RetriesFrom = 0x52,
}

/// A kind of row, with the types of its key and its value.
pub trait Row: Serialize + DeserializeOwned {
    const KIND: Kind;
    /// Version of the value's layout; goes up with each change of it.
    const VERSION: u8 = 1;
    type Key: Key;

    /// The value's bytes: version, then postcard.
    fn encode(&self) -> Vec<u8> {
        let mut value = vec![Self::VERSION];
        value.extend_from_slice(&wire::encode(self));
        value
    }
}

/// The bytes of a row's key, or of a leading part of it.
pub fn key_bytes<R: Row>(key: &impl Key) -> Vec<u8> {
    let mut bytes = vec![R::KIND as u8];
    key.write(&mut bytes);
    bytes
}

/// Whether a row is of the retry table.
#[must_use]
pub fn is_of_retry_table(key: &[u8]) -> bool {
    let kinds = [
        Kind::Retry as u8,
        Kind::RetryAt as u8,
        Kind::RetriesFrom as u8,
    ];
    key.first().is_some_and(|kind| kinds.contains(kind))
}

/// The row under a key.
pub fn get<R: Row>(view: &dyn StateView, key: &R::Key) -> Option<R> {
    let key = key_bytes::<R>(key);
    let mut row = None;
    view.read(&key, &mut |value| row = Some(decode_value(&key, value)));
    row
}

/// A row that must exist because another row refers to it.
pub fn require<R: Row>(view: &dyn StateView, key: &R::Key) -> R {
    get(view, key).unwrap_or_else(|| damaged(R::KIND, &key_bytes::<R>(key), "it is missing"))
}

/// At most `limit` rows whose key begins with `part`, in key order, from the first one on whose key
/// begins with `from` or is greater.
pub fn scan_from<R: Row>(
    view: &dyn StateView,
    part: &impl Key,
    from: &impl Key,
    limit: usize,
) -> Vec<(R::Key, R)> {
    let rows = view.scan(&key_bytes::<R>(part), &key_bytes::<R>(from), limit);
    let rows = rows.into_iter();
    rows.map(|(key, value)| (decode_key::<R>(&key), decode_value(&key, &value)))
        .collect()
}

/// At most `limit` rows whose key begins with `part`, in key order, from the first one after
/// `after`.
pub fn scan<R: Row>(
    view: &dyn StateView,
    part: &impl Key,
    after: Option<&R::Key>,
    limit: usize,
) -> Vec<(R::Key, R)> {
    let prefix = key_bytes::<R>(part);
    let from = after.map_or_else(|| prefix.clone(), |after| successor::<R>(after));
    let rows = view.scan(&prefix, &from, limit).into_iter();
    rows.map(|(key, value)| (decode_key::<R>(&key), decode_value(&key, &value)))
        .collect()
}

/// Whether a row is of the chain of descriptors.
#[must_use]
pub fn is_of_descriptors(key: &[u8]) -> bool {
    let kinds = [Kind::Descriptor as u8, Kind::Succession as u8];
    key.first().is_some_and(|kind| kinds.contains(kind))
}

/// A row of a file that nobody has verified; None if it is not of this kind and layout.
pub fn try_decode<R: Row>(key: &[u8], value: &[u8]) -> Option<(R::Key, R)> {
    let mut rest = key.strip_prefix(&[R::KIND as u8])?;
    let read = R::Key::read(&mut rest).filter(|_| rest.is_empty())?;
    let body = value.strip_prefix(&[R::VERSION])?;
    Some((read, wire::decode(body).ok()?))
}

/// The content of a committed statement. It was decoded once before it was written.
pub fn content<T: Statement>(signed: &Signed<T>) -> T {
    signed.unverified().unwrap_or_else(|error| {
        panic!(
            "the state is damaged: a committed {} statement does not read: {error}",
            T::LABEL
        )
    })
}

/// The least key greater than a key.
fn successor<R: Row>(key: &R::Key) -> Vec<u8> {
    let mut bytes = key_bytes::<R>(key);
    bytes.push(0);
    bytes
}

fn decode_key<R: Row>(key: &[u8]) -> R::Key {
    let mut rest = &key[1..];
    match R::Key::read(&mut rest) {
        Some(read) if rest.is_empty() => read,
        _ => damaged(R::KIND, key, "its key has another shape"),
    }
}

fn decode_value<R: Row>(key: &[u8], value: &[u8]) -> R {
    match value.split_first() {
        Some((version, body)) if *version == R::VERSION => {
            wire::decode_own(body).unwrap_or_else(|error| damaged(R::KIND, key, &error.to_string()))
        }
        Some((version, _)) => damaged(R::KIND, key, &format!("unknown layout {version}")),
        None => damaged(R::KIND, key, "it is empty"),
    }
}

fn damaged(kind: Kind, key: &[u8], why: &str) -> ! {
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    panic!(
        "the state is damaged: {kind:?} row {key}: {why}; rebuild it from a snapshot and the log"
    )
}
