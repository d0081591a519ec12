//! Code of an invite: its bytes as words of the BIP 39 list, each of which is 11 bits.
//!
//! ```text
//! length of the body (1) ‖ body ‖ checksum (4) ‖ zero bits up to a whole word
//! body: version (1) ‖ postcard of the invite
//! ```

use zeroize::Zeroizing;

use super::Invite;
use crate::wire;

/// Version of the body.
const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;
const WORD_BITS: usize = 11;
/// Most nodes in a code, so that it stays short. An invite's file has more.
pub const MAX_CODE_NODES: usize = 3;
/// Most words that are read.
const MAX_WORDS: usize = 256;

/// Text that is no invite's code, or an invite that has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error("`{0}` is not a word of an invite's code: check its spelling")]
    Word(String),
    #[error("the invite's code is not complete, or one of its words is another: check it")]
    Checksum,
    #[error("the invite's code has version {0}, which this program does not know; update it")]
    UnknownVersion(u16),
    #[error(
        "the addresses are too long for a code: give at most {MAX_CODE_NODES}, or write a file \
         with --out"
    )]
    TooLong,
}

impl Invite {
    /// The code: words with hyphens between them, so that it is one argument.
    ///
    /// # Errors
    /// [`CodeError::TooLong`].
    pub fn code(&self) -> Result<Zeroizing<String>, CodeError> {
        let body = Zeroizing::new(wire::encode_versioned(VERSION, self));
        let length = u8::try_from(body.len()).map_err(|_| CodeError::TooLong)?;
        if self.nodes.len() > MAX_CODE_NODES {
            return Err(CodeError::TooLong);
        }
        let mut bytes = Zeroizing::new(vec![length]);
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&checksum(&body));
        let words: Vec<_> = numbers(&bytes).map(|at| list()[at]).collect();
        Ok(Zeroizing::new(words.join("-")))
    }

    /// Reads a code, with hyphens or white space between its words, in any case.
    ///
    /// # Errors
    /// When a word is not on the list, or the words are no invite.
    pub fn of_code(code: &str) -> Result<Self, CodeError> {
        let lower = Zeroizing::new(code.to_lowercase());
        let words = lower.split(|c: char| c == '-' || c.is_whitespace());
        let mut bits = Vec::new();
        for word in words.filter(|word| !word.is_empty()).take(MAX_WORDS) {
            let at = list()
                .binary_search(&word)
                .map_err(|_| CodeError::Word(word.to_owned()))?;
            bits.extend((0..WORD_BITS).rev().map(|bit| at >> bit & 1 == 1));
        }
        let (whole, _) = bits.as_chunks::<8>();
        let byte = |bits: &[bool; 8]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        let bytes = Zeroizing::new(whole.iter().map(byte).collect::<Vec<u8>>());
        let body = body(&bytes).ok_or(CodeError::Checksum)?;
        wire::decode_versioned(VERSION, body).map_err(|error| match error {
            wire::VersionError::UnknownVersion(version) => CodeError::UnknownVersion(version),
            wire::VersionError::Wire(_) => CodeError::Checksum,
        })
    }
}

/// The body, if the checksum is right and nothing but padding follows.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (&length, rest) = bytes.split_first()?;
    let (body, rest) = rest.split_at_checked(length.into())?;
    let (sum, padding) = rest.split_first_chunk::<CHECKSUM_BYTES>()?;
    let padded = padding.iter().all(|byte| *byte == 0) && padding.len() <= 1;
    (*sum == checksum(body) && padded).then_some(body)
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let hash = blake3::derive_key("cameo invite code v1", body);
    [hash[0], hash[1], hash[2], hash[3]]
}

/// The bytes as numbers of a word's size, the last one padded with zero bits.
fn numbers(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let bit = |at: usize| {
        let byte = bytes.get(at / 8).copied().unwrap_or(0);
        usize::from(byte >> (7 - at % 8) & 1)
    };
    let words = (8 * bytes.len()).div_ceil(WORD_BITS);
    (0..words).map(move |word| {
        (0..WORD_BITS).fold(0, |number, at| number << 1 | bit(word * WORD_BITS + at))
    })
}

/// The English list, which is in alphabetical order.
fn list() -> &'static [&'static str; 2048] {
    bip39::Language::English.word_list()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ids::ClusterId;
    use crate::registration::InviteSeed;

    fn invite(nodes: usize) -> Invite {
        Invite {
            cluster: ClusterId([0xab; 32]),
            seed: InviteSeed([0xcd; 16]),
            nodes: (1..=nodes)
                .map(|node| format!("https://n{node}.example:7101"))
                .collect(),
        }
    }

    #[test]
    fn a_code_is_read_back_from_words_with_hyphens_spaces_or_capitals() {
        for nodes in 0..=MAX_CODE_NODES {
            let code = invite(nodes).code().unwrap();
            for text in [
                code.to_string(),
                code.replace('-', "  "),
                code.to_uppercase(),
            ] {
                assert_eq!(Invite::of_code(&text).unwrap(), invite(nodes));
            }
        }
    }

    #[test]
    fn attack_a_code_with_any_word_changed_missing_or_added_is_refused() {
        let code = invite(1).code().unwrap();
        let words: Vec<_> = code.split('-').collect();
        for at in 0..words.len() {
            let mut other = words.clone();
            other[at] = if other[at] == "zoo" { "zone" } else { "zoo" };
            assert!(Invite::of_code(&other.join(" ")).is_err(), "word {at}");
            let mut fewer = words.clone();
            fewer.remove(at);
            assert!(Invite::of_code(&fewer.join(" ")).is_err(), "word {at}");
        }
        let longer = format!("{}-abandon", *code);
        assert_eq!(Invite::of_code(&longer), Err(CodeError::Checksum));
        assert_eq!(
            Invite::of_code("hello-wrld"),
            Err(CodeError::Word("wrld".into()))
        );
        assert_eq!(Invite::of_code(""), Err(CodeError::Checksum));
    }

    #[test]
    fn too_many_or_too_long_addresses_have_no_code() {
        assert_eq!(
            invite(MAX_CODE_NODES + 1).code().unwrap_err(),
            CodeError::TooLong
        );
        let long = Invite {
            nodes: vec![format!("https://{}.example:1", "n".repeat(250))],
            ..invite(0)
        };
        assert_eq!(long.code().unwrap_err(), CodeError::TooLong);
    }

    #[test]
    fn its_bytes_are_pinned() {
        let one = Invite {
            nodes: vec!["http://a:1".into()],
            ..invite(0)
        };
        let body = wire::encode_versioned(VERSION, &one);
        let url = &b"\x0ahttp://a:1"[..];
        let expected = [&[1][..], &[0xab; 32], &[0xcd; 16], &[1], url].concat();
        assert_eq!(body, expected);
        let code = one.code().unwrap();
        assert_eq!(code.split('-').count(), 48);
        assert!(code.starts_with("dial-ask-turtle-firm-"), "{}", *code);
        assert!(code.ends_with("-sketch-fancy-local"), "{}", *code);
    }

    #[test]
    fn the_list_is_in_order() {
        assert!(list().is_sorted());
    }
}
