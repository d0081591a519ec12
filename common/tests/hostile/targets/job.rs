//! Any bytes as the job that a client uploads to a worker.

use cameo_codec::job::JobInput;
use cameo_codec::{CodecKey, hide, reveal};

use super::carrier::area;

const MAX_PIXELS: u64 = 1 << 20;

pub fn job_input(data: &[u8]) {
    let Ok(job) = JobInput::decode(data) else {
        return;
    };
    assert_eq!(job.encode(), data, "one job has one encoding");
    if area(job.cover) > MAX_PIXELS {
        return;
    }
    if let Ok(carrier) = hide(job.cover, job.payload, &job.key, &job.options) {
        assert_eq!(reveal(&carrier, &job.key).as_deref(), Ok(job.payload));
        let other = CodecKey::from_bytes(job.key.as_bytes().map(|byte| !byte));
        assert!(reveal(&carrier, &other).is_err());
    }
}
