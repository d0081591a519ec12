//! Handshakes in memory.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use cameo_common::keys::{PublicKey, SigningKey};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, Error, ServerConnection};

use super::*;

const NODE: [u8; 32] = [1; 32];
const DEVICE: [u8; 32] = [2; 32];

fn key(seed: [u8; 32]) -> Arc<SigningKey> {
    Arc::new(SigningKey::from_seed(seed))
}

fn public(seed: [u8; 32]) -> PublicKey {
    key(seed).public()
}

/// Both ends after a handshake, or the first end's error.
fn handshake(
    expected: Expected,
    protocols: [&[u8]; 2],
) -> Result<(ClientConnection, ServerConnection), Error> {
    let config = client(key(DEVICE), expected, protocols[0]).unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let config = server(key(NODE), protocols[1]).unwrap();
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut sent = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut sent).unwrap();
        }
        server.read_tls(&mut sent.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut sent = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut sent).unwrap();
        }
        client.read_tls(&mut sent.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok((client, server))
}

#[test]
fn both_ends_know_each_others_key() {
    for expected in [Expected::Any, Expected::This(public(NODE))] {
        let (client, server) = handshake(expected, [API_ALPN; 2]).unwrap();
        assert_eq!(peer_key(client.peer_certificates()), Ok(public(NODE)));
        assert_eq!(peer_key(server.peer_certificates()), Ok(public(DEVICE)));
        assert_eq!(client.alpn_protocol(), Some(API_ALPN));
    }
}

#[test]
fn attack_another_server_than_the_expected_one_is_refused() {
    let expected = Expected::This(public([3; 32]));
    let refused = handshake(expected, [API_ALPN; 2]).unwrap_err();
    assert!(matches!(refused, Error::InvalidCertificate(_)), "{refused}");
}

#[test]
fn a_server_of_another_protocol_is_refused() {
    let refused = handshake(Expected::Any, [API_ALPN, b"cameo-link/1"]).unwrap_err();
    assert_eq!(refused, Error::NoApplicationProtocol);
}

#[test]
fn the_encoding_of_a_key_is_pinned() {
    // RFC 8410, section 10.1.
    let spki = spki::encode(&PublicKey([0xab; 32]));
    let prefix = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    assert_eq!(spki, [&prefix[..], &[0xab; 32]].concat());
    assert_eq!(key_of_certificate(&spki), Ok(PublicKey([0xab; 32])));
    for wrong in [&spki[..43], &spki[1..], &[&spki[..], &[0]].concat()] {
        assert!(key_of_certificate(wrong).is_err());
    }
}
