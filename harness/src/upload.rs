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

/// The newest input of the connection, if there was one.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    header: Vec<u8>,
    /// Bytes of the current record that are still to come.
    rest: usize,
    /// Full records of the input that have begun.
    full: usize,
    ended: bool,
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
        let begins = full && (self.full == 0 || self.ended);
        if begins {
            (self.full, self.ended) = (0, false);
        }
        if full {
            self.full += 1;
        } else if self.full > 0 {
            self.ended = true;
        }
        begins
    }

    pub(crate) fn is_job(&self) -> bool {
        self.full > 0
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.full >= UNDER_WAY
    }

    /// The last record has begun.
    pub(crate) fn is_whole(&self) -> bool {
        self.ended
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
            assert!(!upload.follow(&small) && !upload.is_job());
        }
        // given a header that comes in two parts
        let full = record(23, FULL);
        assert!(!upload.follow(&full[..2]) && !upload.is_job());
        assert!(upload.follow(&full[2..]) && upload.is_job());
        for _ in 1..UNDER_WAY {
            assert!(!upload.is_under_way());
            assert!(!upload.follow(&full));
        }
        assert!(upload.is_under_way() && !upload.is_whole());
        assert!(!upload.follow(&record(23, 500)) && upload.is_whole());
        // then the next one begins anew
        assert!(upload.follow(&full) && !upload.is_whole() && !upload.is_under_way());
    }
}
