//! Order-preserving encoding of row keys.
//!
//! Ids are their bytes, numbers are big-endian, and names end in a zero byte, which no name
//! contains. So no key is a prefix of another one of its kind, and a scan by a leading part finds
//! the rows of that part only.

use cameo_common::ids::{GrantId, Hash, ImageId, Millis, NodeId, RequestId, UserName};
use cameo_common::keys::PublicKey;

/// A key, or a leading part of one.
pub trait Key: Sized {
    /// Appends the key's bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads a key from the front of `bytes` and advances them; `None` if they are not one.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = bytes.split_first_chunk::<N>()?;
    *bytes = tail;
    Some(*head)
}

macro_rules! id_keys {
    ($($id:ident),+) => {$(
        impl Key for $id {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                take::<{ $id::LENGTH }>(bytes).map($id)
            }
        }
    )+};
}
id_keys!(GrantId, Hash, ImageId, PublicKey, RequestId);

macro_rules! number_keys {
    ($($number:ident),+) => {$(
        impl Key for $number {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                take(bytes).map($number::from_be_bytes)
            }
        }
    )+};
}
number_keys!(u32, u64);

macro_rules! wrapped_number_keys {
    ($($number:ident),+) => {$(
        impl Key for $number {
            fn write(&self, out: &mut Vec<u8>) {
                self.0.write(out);
            }
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                u64::read(bytes).map(Self)
            }
        }
    )+};
}
wrapped_number_keys!(Millis, NodeId);

impl Key for UserName {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
        out.push(0);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let name = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
        *bytes = &bytes[end + 1..];
        Some(name)
    }
}

/// The key of a kind that has one row.
impl Key for () {
    fn write(&self, _: &mut Vec<u8>) {}
    fn read(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?))
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
        self.2.write(out);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?, C::read(bytes)?))
    }
}
