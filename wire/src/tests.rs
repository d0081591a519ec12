#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Debug, Clone, PartialEq, serde::Serialize, Deserialize)]
struct Record {
    version: u16,
    name: String,
    blob: Vec<u8>,
    map: BTreeMap<u64, Option<i32>>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, Deserialize)]
enum Kind {
    Unit,
    Pair(u8, bool),
    Named { number: u128 },
}

fn record() -> impl Strategy<Value = Record> {
    let kind = prop_oneof![
        Just(Kind::Unit),
        (any::<u8>(), any::<bool>()).prop_map(|(a, b)| Kind::Pair(a, b)),
        any::<u128>().prop_map(|number| Kind::Named { number }),
    ];
    let fields = (
        any::<u16>(),
        "[a-zäß]{0,12}",
        prop::collection::vec(any::<u8>(), 0..20),
        prop::collection::btree_map(any::<u64>(), any::<Option<i32>>(), 0..4),
        kind,
    );
    fields.prop_map(|(version, name, blob, map, kind)| Record {
        version,
        name,
        blob,
        map,
        kind,
    })
}

#[test]
fn the_bytes_are_those_of_postcard() {
    let record = Record {
        version: 300,
        name: "ada".into(),
        blob: vec![7, 0xff],
        map: BTreeMap::from([(1, Some(-1))]),
        kind: Kind::Pair(9, true),
    };
    let bytes = b"\xac\x02\x03ada\x02\x07\xff\x01\x01\x01\x01\x01\x09\x01";
    assert_eq!(encode(&record), bytes);
    assert_eq!(encode(&record), postcard::to_stdvec(&record).unwrap());
}

#[test]
fn trailing_bytes_are_refused() {
    let mut bytes = encode(&7u32);
    bytes.push(0);
    assert_eq!(decode::<u32>(&bytes), Err(WireError::NotCanonical));
    assert_eq!(decode_prefix::<u32>(&bytes), Ok((7, &[0][..])));
}

#[test]
fn overlong_integers_are_refused() {
    assert_eq!(decode::<u32>(&[0x87, 0x00]), Err(WireError::NotCanonical));
    let prefix = decode_prefix::<u32>(&[0x87, 0x00, 1]);
    assert_eq!(prefix, Err(WireError::NotCanonical));
    let version = decode_after_version::<(u16, u8)>(2, &[0x82, 0x00, 1]);
    assert_eq!(version, Err(WireError::NotCanonical.into()));
}

#[test]
fn an_unsorted_map_is_refused() {
    let bytes = [2, 2, 0, 1, 0];
    assert_eq!(
        decode::<BTreeMap<u64, u64>>(&bytes),
        Err(WireError::NotCanonical)
    );
}

#[test]
fn a_cut_value_is_malformed() {
    assert_eq!(decode::<u32>(&[]), Err(WireError::Malformed));
    assert_eq!(decode::<String>(&[3, b'a']), Err(WireError::Malformed));
    assert_eq!(peek::<(u16, u16)>(&[1]), Err(WireError::Malformed));
}

#[test]
fn a_borrowed_value_points_into_the_bytes() {
    let bytes = encode("ada");
    let text: &str = decode(&bytes).unwrap();
    assert!(std::ptr::eq(text.as_bytes(), &bytes[1..]));
}

#[test]
fn an_unknown_version_is_named() {
    let bytes = encode_versioned(3, &7u8);
    assert_eq!(bytes, [3, 7]);
    assert_eq!(decode_versioned::<u8>(3, &bytes), Ok(7));
    let unknown = Err(VersionError::UnknownVersion(3));
    assert_eq!(decode_versioned::<u8>(4, &bytes), unknown);
    assert_eq!(
        decode_versioned::<u8>(3, &[]),
        Err(WireError::Malformed.into())
    );
    let bytes = encode(&(300u16, 7u8));
    assert_eq!(decode_after_version::<(u16, u8)>(300, &bytes), Ok((300, 7)));
    let unknown = Err(VersionError::UnknownVersion(300));
    assert_eq!(decode_after_version::<(u16, u8)>(1, &bytes), unknown);
    // The version is reported although the rest does not decode.
    assert_eq!(decode_after_version::<(u16, u8)>(1, &bytes[..2]), unknown);
}

#[test]
fn a_prefix_stays_before_what_is_appended() {
    let mut bytes = vec![0; 4];
    append(&mut bytes, "ada");
    assert_eq!(bytes, b"\0\0\0\0\x03ada");
}

proptest! {
    #[test]
    fn a_value_survives_the_round_trip(
        record in record(),
        rest in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let bytes = encode(&record);
        prop_assert_eq!(&bytes, &postcard::to_stdvec(&record).unwrap());
        prop_assert_eq!(bytes.len(), size(&record));
        prop_assert_eq!(decode::<Record>(&bytes), Ok(record.clone()));
        prop_assert_eq!(peek::<u16>(&bytes), Ok(record.version));
        prop_assert_eq!(
            decode_after_version::<Record>(record.version, &bytes),
            Ok(record.clone())
        );
        let secret = encode_secret(&record);
        prop_assert_eq!(&*secret, &bytes);
        prop_assert_eq!(secret.capacity(), bytes.len());
        let versioned = encode_versioned(5, &record);
        prop_assert_eq!(&versioned[1..], &bytes[..]);
        prop_assert_eq!(decode_versioned::<Record>(5, &versioned), Ok(record.clone()));
        let followed = [&bytes[..], &rest].concat();
        prop_assert_eq!(decode_prefix::<Record>(&followed), Ok((record, &rest[..])));
    }

    #[test]
    fn bytes_that_decode_are_those_of_the_value(
        bytes in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        if let Ok(record) = decode::<Record>(&bytes) {
            prop_assert_eq!(encode(&record), bytes);
        }
    }

    #[test]
    fn a_longer_form_of_any_integer_is_refused(number: u64, after in 0u8..3) {
        let mut bytes = encode(&number);
        if bytes.len() < 10 {
            *bytes.last_mut().unwrap() |= 0x80;
            let zeros = usize::from(after).min(9 - bytes.len());
            bytes.extend(std::iter::repeat_n(0x80, zeros));
            bytes.push(0);
            prop_assert_eq!(postcard::from_bytes::<u64>(&bytes), Ok(number));
            prop_assert_eq!(decode::<u64>(&bytes), Err(WireError::NotCanonical));
        }
    }

    #[test]
    fn anything_after_a_value_is_refused(
        record in record(),
        rest in prop::collection::vec(any::<u8>(), 1..8),
    ) {
        let bytes = [encode(&record), rest].concat();
        prop_assert_eq!(decode::<Record>(&bytes), Err(WireError::NotCanonical));
    }
}
