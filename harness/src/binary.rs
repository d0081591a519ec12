//! Paths of the programs, which cargo puts beside this one.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs cannot be found or built.
#[derive(Debug, thiserror::Error)]
pub enum BinaryError {
    #[error("the path of this program is unknown: {0}")]
    OwnPath(std::io::Error),
    #[error(
        "there is no {}: build all programs with `cargo build --workspace --bins`",
        path.display()
    )]
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
    /// Finds the programs beside this one.
    ///
    /// # Errors
    /// When one is missing.
    pub fn locate() -> Result<Self, BinaryError> {
        let folder = own_folder()?;
        Ok(Self {
            node: found(&folder, "cameod")?,
            client: found(&folder, "cameo")?,
        })
    }

    /// Finds the programs; under `cargo run`, builds first what `cargo run` did not, so that no
    /// program is older than its source.
    ///
    /// # Errors
    /// When one is missing and there is no cargo to build it.
    pub fn build() -> Result<Self, BinaryError> {
        Self::build_with(&[])
    }

    /// The same with these features (`package/feature`) switched on.
    ///
    /// # Errors
    /// When one is missing and there is no cargo to build it.
    pub fn build_with(features: &[&str]) -> Result<Self, BinaryError> {
        let variables = ["CARGO", "CARGO_MANIFEST_DIR"].map(std::env::var_os);
        if let [Some(cargo), Some(package)] = variables {
            let folder = own_folder()?;
            for name in ["cameod", "cameo"] {
                build(
                    Path::new(&cargo),
                    Path::new(&package),
                    &folder,
                    name,
                    features,
                )?;
            }
        }
        Self::locate()
    }
}

/// The folder into which cargo puts programs, from a program or a test in it.
fn own_folder() -> Result<PathBuf, BinaryError> {
    let mut folder = std::env::current_exe().map_err(BinaryError::OwnPath)?;
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    Ok(folder)
}

fn found(folder: &Path, name: &'static str) -> Result<PathBuf, BinaryError> {
    let path = folder.join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(BinaryError::Missing { name, path })
    }
}

/// Builds with the profile in whose folder this program is.
fn build(
    cargo: &Path,
    package: &Path,
    folder: &Path,
    name: &'static str,
    features: &[&str],
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
        .args(features.iter().flat_map(|feature| ["--features", feature]))
        .current_dir(workspace)
        .status()
        .map_err(BinaryError::Cargo)?;
    if status.success() {
        Ok(())
    } else {
        Err(BinaryError::Build(name))
    }
}
