//! Similarity of two pictures: [`psnr()`], and [`ssim()`], which models perception.

pub mod luma;
pub mod psnr;
pub mod ssim;

pub use luma::luma;
pub use psnr::psnr;
pub use ssim::{mean_rgb_ssim, ssim};
