//! The few messages of etcd's API (`rpc.proto`) that are needed, as protobuf in a gRPC frame.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::Entry;

/// `etcdserverpb.PutRequest`: key = 1, value = 2.
pub fn put(entry: &Entry) -> Bytes {
    frame(&[(1, &entry.key), (2, &entry.value)])
}

/// `etcdserverpb.RangeRequest`: key = 1. Linearizable unless it says otherwise.
pub fn range(entry: &Entry) -> Bytes {
    frame(&[(1, &entry.key)])
}

/// Fields of bytes, behind a flag (not compressed) and the length in four bytes.
fn frame(fields: &[(u8, &[u8])]) -> Bytes {
    const LENGTH_DELIMITED: u8 = 2;
    let mut message = BytesMut::new();
    for (number, bytes) in fields {
        message.put_u8(number << 3 | LENGTH_DELIMITED);
        put_varint(&mut message, bytes.len());
        message.put_slice(bytes);
    }
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(&message);
    frame.freeze()
}

fn put_varint(to: &mut BytesMut, mut number: usize) {
    while number >= 0x80 {
        to.put_u8((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    to.put_u8(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_has_the_bytes_of_protobuf() {
        let entry = Entry {
            key: b"k".to_vec(),
            value: vec![7; 200],
        };
        let bytes = put(&entry);
        assert_eq!(
            bytes[..11],
            [0, 0, 0, 0, 206, 0x0a, 1, b'k', 0x12, 0xc8, 0x01]
        );
        assert_eq!(bytes.len(), 11 + 200);
        assert_eq!(range(&entry)[..], [0, 0, 0, 0, 3, 0x0a, 1, b'k']);
    }
}
