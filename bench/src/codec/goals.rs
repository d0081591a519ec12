//! Goals of the codec's figures, from the issue that set them.

use crate::goal::Goal::{AtLeast, AtMost};
use crate::goal::Goals;

pub const GOALS: Goals = &[
    ("hide_8mp_vs_stegano_cli", AtLeast(2.5)),
    ("hide_12mp_vs_stegano_cli", AtLeast(2.5)),
    ("hide_8mp_vs_stegolsb", AtLeast(30.0)),
    ("hide_12mp_vs_stegolsb", AtLeast(30.0)),
    ("reveal_8mp_vs_stegano_cli", AtLeast(2.5)),
    ("reveal_12mp_vs_stegano_cli", AtLeast(2.5)),
    ("reveal_8mp_vs_stegolsb", AtLeast(15.0)),
    ("reveal_12mp_vs_stegolsb", AtLeast(15.0)),
    ("embed_12mp_vs_steganography_crate", AtLeast(7.0)),
    ("embed_12mp_vs_memcpy", AtMost(5.0)),
    ("extract_12mp_vs_memcpy", AtMost(6.0)),
    ("png_time_vs_png_fast", AtMost(1.0)),
    ("png_size_vs_png_fast", AtMost(0.92)),
    ("carrier_vs_payload_k2", AtMost(1.36)),
    ("psnr_k1", AtLeast(51.0)),
    ("psnr_k2", AtLeast(46.0)),
    ("psnr_k3", AtLeast(40.0)),
    ("ssim_k1", AtLeast(0.994)),
    ("ssim_k2", AtLeast(0.985)),
    ("ssim_k3", AtLeast(0.955)),
    ("hide_12mp_peak_mb", AtMost(110.0)),
];
