//! Detection of a job's input in a client's TLS records on one connection.
//!
//! What is in the records cannot be read. But of all that clients send, a job's input alone fills
//! whole records: its head goes out together with the first of them, and the last one is shorter.

/// A record's header: content type, version, length.
const HEADER: usize = 5;
const APPLICATION_DATA: u8 = 23;
/// Length of a full record: 2^14 bytes, the inner content type and the tag (RFC 8446, section 5.2).
const FULL: usize = 16_384 + 1 + 16;
/// Full records of an input until it is under way. Inputs of tests have more than twice as many.
const UNDER_WAY: usize = 8;

/// What a connection's client is sending.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// No job's input.
    #[default]
    Other,
    /// An input of which so many full records have begun.
    Input { full: usize },
    /// The last record of an input has begun, and no other request.
    Ended,
}

/// The inputs of the connection, one after another.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    header: Vec<u8>,
    /// Bytes of the current record that are still to come.
    rest: usize,
    sending: Sending,
    /// Inputs that have begun.
    inputs: u64,
}

impl Upload {
    /// Follows the next bytes. Returns whether an input begins with a record in them.
    pub(crate) fn follow(&mut self, mut bytes: &[u8]) -> bool {
        let mut begins = false;
        while !bytes.is_empty() {
            if self.rest > 0 {
                let passed = self.rest.min(bytes.len());
                self.rest -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            let missing = (HEADER - self.header.len()).min(bytes.len());
            self.header.extend_from_slice(&bytes[..missing]);
            bytes = &bytes[missing..];
            if let [kind, _, _, high, low] = self.header[..] {
                self.rest = usize::from(u16::from_be_bytes([high, low]));
                self.header.clear();
                begins |= self.begin(kind == APPLICATION_DATA && self.rest == FULL);
            }
        }
        begins
    }

    /// A record begins. Returns whether an input begins with it.
    fn begin(&mut self, full: bool) -> bool {
        let before = self.sending;
        self.sending = match (before, full) {
            (Sending::Input { full }, true) => Sending::Input { full: full + 1 },
            (Sending::Other | Sending::Ended, true) => Sending::Input { full: 1 },
            (Sending::Input { .. }, false) => Sending::Ended,
            // Another request on the same connection.
            (Sending::Other | Sending::Ended, false) => Sending::Other,
        };
        let begins = self.sending == Sending::Input { full: 1 };
        self.inputs += u64::from(begins);
        begins
    }

    /// The number of the input that is being sent, or that is not answered yet.
    pub(crate) fn job(&self) -> Option<u64> {
        (self.sending != Sending::Other).then_some(self.inputs)
    }

    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.sending, Sending::Input { full } if full >= UNDER_WAY)
    }

    /// The last record has begun.
    pub(crate) fn is_whole(&self) -> bool {
        self.sending == Sending::Ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, length: usize) -> Vec<u8> {
        let [high, low] = (length as u16).to_be_bytes();
        let mut record = vec![kind, 3, 3, high, low];
        record.resize(HEADER + length, 0);
        record
    }

    #[test]
    fn an_input_begins_with_its_first_full_record_and_ends_with_a_shorter_one() {
        let mut upload = Upload::default();
        for small in [record(22, 300), record(23, 80), record(23, 900)] {
            assert!(!upload.follow(&small) && upload.job().is_none());
        }
        // given a header that comes in two parts
        let full = record(23, FULL);
        assert!(!upload.follow(&full[..2]) && upload.job().is_none());
        assert!(upload.follow(&full[2..]) && upload.job() == Some(1));
        for _ in 1..UNDER_WAY {
            assert!(!upload.is_under_way());
            assert!(!upload.follow(&full));
        }
        assert!(upload.is_under_way() && !upload.is_whole());
        assert!(!upload.follow(&record(23, 500)) && upload.is_whole());
        // then the next one begins anew
        assert!(upload.follow(&full) && !upload.is_whole() && !upload.is_under_way());
        assert_eq!(upload.job(), Some(2));
    }

    #[test]
    fn another_request_after_an_input_is_no_part_of_it() {
        // given a connection on which an input was sent
        let mut upload = Upload::default();
        for _ in 0..=UNDER_WAY {
            upload.follow(&record(23, FULL));
        }
        upload.follow(&record(23, 500));
        assert!(upload.is_whole() && !upload.is_under_way());
        // when it is used for a look-up
        assert!(!upload.follow(&record(23, 300)));
        // then no input is under way, whole or unanswered
        assert!(!upload.is_under_way() && !upload.is_whole());
        assert_eq!(upload.job(), None);
    }
}
