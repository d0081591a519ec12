//! Ids, names and times, each a type of its own. Text form: lower-case hex; binary form: bytes.

mod number;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use number::{Millis, NodeId, whole_millis};

/// Text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not hex, or not of the right length.
    #[error("expected {expected} hex digits")]
    NotHex { expected: usize },
    /// Text that is not a user name.
    #[error(
        "a user name has {MIN_NAME} to {MAX_NAME} characters out of a-z, 0-9, '-' and '_', \
         and begins with a letter"
    )]
    NotAName,
}

/// Declares a newtype over `N` bytes whose text form is hex.
macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $length:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Bytes in an id.
            pub const LENGTH: usize = $length;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let wrong = IdError::NotHex { expected: 2 * $length };
                let bytes = data_encoding::HEXLOWER
                    .decode(text.as_bytes())
                    .map_err(|_| wrong.clone())?;
                Ok(Self(bytes.try_into().map_err(|_| wrong)?))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    $crate::ids::fixed::serialize(&self.0, serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
                } else {
                    $crate::ids::fixed::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}
pub(crate) use bytes_id;

/// Fixed byte arrays of any length in binary form, which serde itself has up to 32 only.
pub(crate) mod fixed {
    use serde::de::{Error, SeqAccess, Visitor};
    use serde::ser::SerializeTuple;
    use serde::{Deserializer, Serializer};

    pub fn serialize<const N: usize, S: Serializer>(
        bytes: &[u8; N],
        s: S,
    ) -> Result<S::Ok, S::Error> {
        let mut tuple = s.serialize_tuple(N)?;
        for byte in bytes {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }

    struct Bytes<const N: usize>;

    impl<'de, const N: usize> Visitor<'de> for Bytes<N> {
        type Value = [u8; N];
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{N} bytes")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<[u8; N], A::Error> {
            let mut bytes = [0; N];
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = seq
                    .next_element()?
                    .ok_or_else(|| A::Error::invalid_length(at, &self))?;
            }
            Ok(bytes)
        }
    }

    pub fn deserialize<'de, const N: usize, D: Deserializer<'de>>(
        d: D,
    ) -> Result<[u8; N], D::Error> {
        d.deserialize_tuple(N, Bytes::<N>)
    }
}

bytes_id!(/** A cluster: the hash of its first descriptor. */ ClusterId, 32);
bytes_id!(
    /** One (owner, viewer, image) relation: see `statements::Manifest::grant_id`. */
    GrantId,
    32
);
bytes_id!(/** An image in its owner's gallery. Random, so that it tells nothing. */ ImageId, 16);
bytes_id!(
    /** Chosen by a client; the same command sent again carries the same one. */
    RequestId,
    16
);
bytes_id!(/** One image job. */ JobId, 16);
bytes_id!(/** A BLAKE3 hash. */ Hash, 32);

impl Hash {
    /// The BLAKE3 hash of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// Fewest characters in a user name.
pub const MIN_NAME: usize = 2;
/// Most characters in a user name.
pub const MAX_NAME: usize = 32;

/// A user's name: lower case, so that no two look alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UserName(String);

impl UserName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let letters =
            |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
        let fits = (MIN_NAME..=MAX_NAME).contains(&text.len());
        if fits && text.bytes().all(letters) && text.as_bytes()[0].is_ascii_lowercase() {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::NotAName)
        }
    }
}

impl<'de> Deserialize<'de> for UserName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_reads_back_from_text_and_from_bytes() {
        let id = ImageId([0xab; 16]);
        assert_eq!(id.to_string().parse::<ImageId>().unwrap(), id);
        assert_eq!(
            serde_json::from_str::<ImageId>(&serde_json::to_string(&id).unwrap()).unwrap(),
            id
        );
        assert_eq!(crate::wire::encode(&id), vec![0xab; 16]);
        assert_eq!(crate::wire::decode::<ImageId>(&[0xab; 16]).unwrap(), id);
    }

    #[test]
    fn attack_names_that_could_be_mistaken_are_refused() {
        for bad in [
            "",
            "a",
            "Ada",
            "1da",
            "ada lovelace",
            "ada/../bob",
            &"a".repeat(33),
            "äda",
        ] {
            assert_eq!(bad.parse::<UserName>(), Err(IdError::NotAName), "{bad}");
        }
        assert!("ada-1_b".parse::<UserName>().is_ok());
    }
}
