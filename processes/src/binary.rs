//! Where the programs are: beside this one, where cargo puts them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BinaryError {
    #[error("this program does not know where it lies: {0}")]
    NoSelf(std::io::Error),
    #[error("there is no {} here: build it with `cargo build --bin {name}`, or put it beside this program", path.display())]
    Missing { name: &'static str, path: PathBuf },
    #[error("`cargo build --bin {0}` failed")]
    Build(&'static str),
    #[error("cargo does not start: {0}")]
    Cargo(std::io::Error),
}

/// The programs of one build.
#[derive(Debug, Clone)]
pub struct Binaries {
    pub node: PathBuf,
    pub client: PathBuf,
}

impl Binaries {
    /// Finds the programs beside this one. Under `cargo run` and `cargo test` they are built first,
    /// so that they are never older than their source.
    ///
    /// # Errors
    /// When one is missing and there is no cargo to build it.
    pub fn locate() -> Result<Self, BinaryError> {
        let mut folder = std::env::current_exe().map_err(BinaryError::NoSelf)?;
        folder.pop();
        if folder.ends_with("deps") {
            folder.pop();
        }
        if let (Some(cargo), Some(manifest)) = (
            std::env::var_os("CARGO"),
            std::env::var_os("CARGO_MANIFEST_DIR"),
        ) {
            build(Path::new(&cargo), Path::new(&manifest), &folder, "cameod")?;
            build(Path::new(&cargo), Path::new(&manifest), &folder, "cameo")?;
        }
        Ok(Self {
            node: found(&folder, "cameod")?,
            client: found(&folder, "cameo")?,
        })
    }
}

fn found(folder: &Path, name: &'static str) -> Result<PathBuf, BinaryError> {
    let path = folder.join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(BinaryError::Missing { name, path })
    }
}

/// Builds with the profile whose folder this program lies in.
fn build(
    cargo: &Path,
    package: &Path,
    folder: &Path,
    name: &'static str,
) -> Result<(), BinaryError> {
    // The running program cannot be written to, and is up to date: cargo has just built it.
    let running = std::env::current_exe().is_ok_and(|path| path.ends_with(name));
    if running {
        return Ok(());
    }
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let workspace = package.parent().unwrap_or(package);
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--profile", profile, "--bin", name])
        .current_dir(workspace)
        .status()
        .map_err(BinaryError::Cargo)?;
    if status.success() {
        Ok(())
    } else {
        Err(BinaryError::Build(name))
    }
}
