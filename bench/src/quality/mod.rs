//! How near two pictures are: to arithmetic ([`psnr()`]) and to the eye ([`ssim()`]).

pub mod luma;
pub mod psnr;
pub mod ssim;

pub use luma::luma;
pub use psnr::psnr;
pub use ssim::{mean_rgb_ssim, ssim};
