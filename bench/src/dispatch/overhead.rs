//! CPU time of a worker besides images: running a node, and transferring bytes.
//!
//! Both come out of the same quota. The first is constant and is subtracted from the quota. The
//! second belongs to the job whose bytes they are, wherever an oracle places it.

/// Overhead as measured by the calibration.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Overhead {
    /// Cores that a worker uses without jobs, mean over the workers.
    pub idle_cores: f64,
    /// CPU seconds of the worker per uploaded or downloaded byte.
    pub per_byte: f64,
}
