//! The bytes of the file.

use std::collections::VecDeque;

use cameo_common::ids::{Hash, Millis};
use data_encoding::HEXLOWER;

use super::super::frame::{self, Batch};
use super::super::grant_floor::{Change, GrantFloor, Recent};
use super::super::header;
use super::super::record::Record;
use super::{OWNER, grant};

#[test]
fn the_header_is_pinned() {
    let cluster = "03".repeat(32);
    let text = HEXLOWER.encode(&header::encode(OWNER));
    let (covered, crc) = text.split_at(100);
    assert_eq!(
        covered,
        format!("63616d656f666c6f01000700000000000000{cluster}")
    );
    assert_eq!(crc, "c2d79ca1");
}

#[test]
fn a_frame_with_each_kind_of_record_is_pinned() {
    let recent = Recent {
        request: Hash([5; 32]),
        at: Millis(300),
    };
    let floor = GrantFloor {
        version: 2,
        rights: Some(Hash([4; 32])),
        released: 1,
        recent: VecDeque::from([recent]),
    };
    let raised = Change::Raised {
        version: 3,
        rights: Hash([6; 32]),
    };
    let changes = [Change::Whole(floor), raised, Change::Released(recent)];
    let record = |change| Record {
        grant: grant(1),
        change,
    };
    let batch = Batch {
        number: 9,
        records: changes.map(record).to_vec(),
    };
    let mut bytes = Vec::new();
    frame::append(&mut bytes, &batch);
    let [grant, rights, request, newer] = [1, 4, 5, 6].map(|byte| Hash([byte; 32]));
    let payload = format!(
        "0903{grant}000201{rights}0101{request}ac02{grant}0103{newer}{grant}02{request}ac02"
    );
    let text = HEXLOWER.encode(&bytes);
    assert_eq!(text[16..], payload);
    assert_eq!(&text[..16], "ee000000f4aa8cd4");
}
