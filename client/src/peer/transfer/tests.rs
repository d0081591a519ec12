//! Transfers that are cut, corrupted and resumed.

#![allow(clippy::unwrap_used)]

use std::io::{self, Seek, SeekFrom, Write};

use tokio::io::AsyncReadExt;

use super::super::body::ReceivedBody;
use super::*;

fn bytes(length: u64) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    blake3::Hasher::new()
        .update(&length.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

const LENGTHS: [u64; 10] = [
    0,
    1,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    2 * CHUNK,
    3 * CHUNK - 7,
    4 * CHUNK + 1,
    5 * CHUNK,
    9 * CHUNK + 513,
];

#[test]
fn the_list_of_chunks_is_bound_to_the_plain_hash() {
    for length in LENGTHS {
        let bytes = bytes(length);
        let source = Source::of_bytes(bytes.clone()).unwrap();
        assert_eq!(source.content(), Content::of(&bytes), "{length} bytes");
        source.content().check_list(&source.list).unwrap();
        for index in 0..source.list.len() {
            let mut list = source.list.to_vec();
            list[index][7] ^= 1;
            assert!(source.content().check_list(&list).is_err());
        }
        if let [_, rest @ ..] = &source.list[..] {
            assert!(source.content().check_list(rest).is_err());
        }
    }
}

#[tokio::test]
async fn a_body_has_the_stated_length() {
    for length in LENGTHS {
        let source = Source::of_bytes(bytes(length)).unwrap();
        for offset in (0..length).step_by(CHUNK as usize).chain([length]) {
            let body = source.body_from(offset).await.unwrap();
            let found = body.map_or(0, |body| body.length());
            assert_eq!(found, source.content().body_length(offset));
        }
        assert!(source.body_from(length + 1).await.is_err());
    }
}

async fn receive(
    partial: &mut Partial,
    source: &Source,
    corrupt: Option<usize>,
    cut: usize,
) -> Result<(), TransferError> {
    let offset = partial.offset();
    let Some(body) = source.body_from(offset).await.unwrap() else {
        return Ok(());
    };
    let length = body.length();
    let (mut out, into) = tokio::io::duplex(length as usize + 1);
    body.send(&mut out).await.unwrap();
    drop(out);
    let mut sent = Vec::new();
    let mut into = into;
    into.read_to_end(&mut sent).await.unwrap();
    if let Some(at) = corrupt {
        sent[at] ^= 1;
    }
    sent.truncate(sent.len() - cut);
    let body = ReceivedBody::new(length, Box::new(io::Cursor::new(sent)));
    partial.receive(body, |_| {}).await
}

#[tokio::test]
async fn contents_of_every_length_arrive_complete() {
    let directory = tempfile::tempdir().unwrap();
    for length in LENGTHS {
        let bytes = bytes(length);
        let source = Source::of_bytes(bytes.clone()).unwrap();
        let mut partial = Partial::open(directory.path(), source.content(), CONTENT_LIMIT).unwrap();
        receive(&mut partial, &source, None, 0).await.unwrap();
        let target = directory.path().join("whole");
        partial.finish(target.clone()).await.unwrap();
        assert!(std::fs::read(&target).unwrap() == bytes, "{length} bytes");
    }
}

#[tokio::test]
async fn attack_a_corrupted_chunk_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::of_bytes(bytes(3 * CHUNK)).unwrap();
    let mut partial = Partial::open(directory.path(), source.content(), CONTENT_LIMIT).unwrap();
    let in_second_chunk = 3 * 32 + CHUNK as usize + 5;
    let received = receive(&mut partial, &source, Some(in_second_chunk), 0).await;
    assert!(matches!(
        received,
        Err(TransferError::WrongChunk { index: 1 })
    ));
    assert_eq!(partial.offset(), CHUNK);
    let received = receive(&mut partial, &source, Some(3), 0).await;
    assert!(matches!(received, Err(TransferError::WrongChunks)));
}

#[tokio::test]
async fn a_cut_transfer_is_resumed_by_another_process() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = bytes(4 * CHUNK + 9);
    let source = Source::of_bytes(bytes.clone()).unwrap();
    let open = || Partial::open(directory.path(), source.content(), CONTENT_LIMIT);
    let mut partial = open().unwrap();
    assert!(matches!(open(), Err(TransferError::InProgress)));
    let cut = CHUNK as usize / 2;
    receive(&mut partial, &source, None, cut).await.unwrap_err();
    drop(partial);

    let mut partial = open().unwrap();
    assert_eq!(partial.offset(), 3 * CHUNK);
    receive(&mut partial, &source, None, 0).await.unwrap();
    let target = directory.path().join("whole");
    partial.finish(target.clone()).await.unwrap();
    assert!(std::fs::read(target).unwrap() == bytes);
}

#[tokio::test]
async fn chunks_damaged_by_a_crash_are_requested_again() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::of_bytes(bytes(4 * CHUNK)).unwrap();
    let open = || Partial::open(directory.path(), source.content(), CONTENT_LIMIT).unwrap();
    let mut partial = open();
    receive(&mut partial, &source, None, CHUNK as usize)
        .await
        .unwrap_err();
    partial.file.seek(SeekFrom::Start(2 * CHUNK)).unwrap();
    partial.file.write_all(&[0; 64]).unwrap();
    drop(partial);

    let mut partial = open();
    let received = receive(&mut partial, &source, None, 0).await;
    assert!(matches!(received, Err(TransferError::Damaged { good }) if good == 2 * CHUNK));
    receive(&mut partial, &source, None, 0).await.unwrap();
    assert!(partial.is_complete());
}

#[tokio::test]
async fn a_complete_file_of_an_earlier_process_is_verified_before_use() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::of_bytes(bytes(100)).unwrap();
    let open = || Partial::open(directory.path(), source.content(), CONTENT_LIMIT).unwrap();
    let path = open().path;
    std::fs::write(path, [7; 100]).unwrap();
    let finished = open().finish(directory.path().join("whole")).await;
    assert!(matches!(finished, Err(TransferError::Damaged { good: 0 })));
    assert_eq!(open().offset(), 0);
}

#[test]
fn a_content_over_the_limit_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let content = Content {
        length: 11,
        hash: [0; 32],
    };
    let opened = Partial::open(directory.path(), content, 10);
    assert!(matches!(opened, Err(TransferError::Oversized { .. })));
}
