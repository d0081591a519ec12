//! Detection of a job's input in a client's bytes on one connection.

const JOB: &[u8] = b"POST /v1/jobs/run ";
const HEAD_ENDS: &[u8] = b"\r\n\r\n";
const LENGTH: &str = "content-length:";

/// The newest request of the connection, if it is a job's.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    job: bool,
    /// Bytes of it so far, with its head.
    passed: usize,
    /// Bytes of it in total, if its head says.
    length: usize,
}

impl Upload {
    /// Follows the next bytes. Returns whether a job begins with them; clients begin each request
    /// with a new write.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> bool {
        let begins = bytes.starts_with(JOB);
        if begins {
            *self = Self {
                job: true,
                passed: 0,
                length: length(bytes),
            };
        }
        self.passed += bytes.len();
        begins
    }

    pub(crate) fn is_job(&self) -> bool {
        self.job
    }

    pub(crate) fn is_half_way(&self) -> bool {
        self.passed * 2 >= self.length
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.passed >= self.length
    }
}

/// Length of the request that begins with these bytes, head and body.
fn length(bytes: &[u8]) -> usize {
    let head = bytes
        .windows(HEAD_ENDS.len())
        .position(|window| window == HEAD_ENDS)
        .map_or(bytes, |at| &bytes[..at + HEAD_ENDS.len()]);
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix(LENGTH)?.trim().parse::<usize>().ok());
    head.len() + body.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_half_way_when_half_of_it_has_passed() {
        let mut upload = Upload::default();
        assert!(!upload.follow(b"GET /v1/status HTTP/1.1\r\n\r\n") && !upload.is_job());
        let head = b"POST /v1/jobs/run HTTP/1.1\r\nContent-Length: 1000\r\n\r\n";
        assert!(upload.follow(head) && upload.is_job() && !upload.is_half_way());
        assert!(!upload.follow(&[0; 400]) && !upload.is_half_way());
        assert!(!upload.follow(&[0; 100]) && upload.is_half_way() && !upload.is_whole());
        assert!(!upload.follow(&[0; 500]) && upload.is_whole());
    }
}
