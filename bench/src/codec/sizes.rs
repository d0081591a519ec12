//! Sizes and numbers of runs of the measurements.

use super::arguments::Arguments;

#[derive(Debug, Clone)]
pub struct Sizes {
    /// Sizes of covers for whole processes, in megapixels.
    pub process_megapixels: Vec<u32>,
    /// Size of the picture for measurements in memory, in megapixels.
    pub megapixels: u32,
    /// Approximate size in bytes of a camera's JPEG with as many pixels.
    pub photo_bytes: usize,
    /// Number of photos whose quality is measured.
    pub quality_photos: usize,
    /// Size of pictures for steganalysis, in megapixels.
    pub steganalysis_megapixels: f64,
    /// Payload in bytes for the peer that is slow with larger ones.
    pub small_payload: usize,
    pub process_runs: usize,
    pub memory_runs: usize,
    /// Threads for measurements in this process; child processes choose theirs.
    pub threads: usize,
}

impl Sizes {
    pub fn of(arguments: &Arguments) -> Self {
        let runs = |otherwise: usize| arguments.runs.map_or(otherwise, usize::from);
        if arguments.quick {
            return Sizes {
                process_megapixels: vec![2],
                megapixels: 2,
                photo_bytes: 700_000,
                quality_photos: 1,
                steganalysis_megapixels: 0.5,
                small_payload: 2_000,
                process_runs: runs(1),
                memory_runs: runs(3),
                threads: 2,
            };
        }
        Sizes {
            process_megapixels: vec![8, 12],
            megapixels: 12,
            photo_bytes: 4_400_000,
            quality_photos: usize::MAX,
            steganalysis_megapixels: 2.0,
            small_payload: 16_000,
            process_runs: runs(5),
            memory_runs: runs(15),
            threads: 2,
        }
    }
}
