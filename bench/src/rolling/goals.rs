//! Goals of the figures of rolling: no request fails, and every photo opens.

use super::arguments::PHOTOS;
use crate::goal::Goal::{AtLeast, AtMost};
use crate::goal::Goals;

pub const GOALS: Goals = &[
    ("rolling_failed_requests", AtMost(0.0)),
    ("replacement_failed_requests", AtMost(0.0)),
    ("replacement_photos_opened", AtLeast(PHOTOS as f64)),
];
