//! stub for now
use std::path::Path;
#[derive(Debug)]
pub struct Disk;
#[derive(Debug, thiserror::Error)]
#[error("this version has no disk layer")]
pub struct NoDisk;
impl Disk {
    pub fn impossible(_: &Path, _: &str) -> Result<(), NoDisk> {
        Err(NoDisk)
    }
    pub fn mount(_: &Path, _: &Path, _: &str) -> Result<Self, NoDisk> {
        Err(NoDisk)
    }
}
