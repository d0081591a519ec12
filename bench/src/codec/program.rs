//! Command lines of programs that hide files in pictures: ours and its peers.
//!
//! Peers are only run, never linked: two of them are under the GPL.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Cameo,
    /// crates.io `stegano-cli`: one low bit of red, green and blue.
    Stegano,
    /// PyPI `stego-lsb`: here two low bits, its default.
    Stegolsb,
    /// Debian's `steghide`: graph matching in BMP and JPEG.
    Steghide,
}

/// An installed program.
#[derive(Debug, Clone)]
pub struct Program {
    pub kind: Kind,
    pub path: PathBuf,
}

impl Kind {
    pub const PEERS: [Kind; 3] = [Kind::Stegano, Kind::Stegolsb, Kind::Steghide];

    /// Name on a command line.
    pub fn command(self) -> &'static str {
        match self {
            Kind::Cameo => "cameo",
            Kind::Stegano => "stegano",
            Kind::Stegolsb => "stegolsb",
            Kind::Steghide => "steghide",
        }
    }

    /// Name in figures.
    pub fn figure(self) -> &'static str {
        match self {
            Kind::Stegano => "stegano_cli",
            other => other.command(),
        }
    }

    /// File extension of the pictures that it reads and writes.
    pub fn extension(self) -> &'static str {
        match self {
            Kind::Steghide => "bmp",
            _ => "png",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.command())
    }
}

impl Program {
    /// The first program of this name on PATH.
    pub fn on_path(kind: Kind) -> Option<Program> {
        Self::within(kind, &env::var_os("PATH")?)
    }

    fn within(kind: Kind, folders: &OsStr) -> Option<Program> {
        env::split_paths(folders)
            .map(|folder| folder.join(kind.command()))
            .find(|path| path.is_file())
            .map(|path| Program { kind, path })
    }

    /// Command that hides `payload` in `cover`. `folder` is empty and used by this program only.
    pub fn hide(&self, payload: &Path, cover: &Path, carrier: &Path, folder: &Path) -> Command {
        let mut command = Command::new(&self.path);
        match self.kind {
            Kind::Cameo => command
                .arg("hide")
                .arg(payload)
                .arg("--key")
                .arg(folder.join("key"))
                .arg("--cover")
                .arg(cover)
                .arg("--out")
                .arg(carrier),
            // Without a password it prompts on a terminal; an empty one means none.
            Kind::Stegano => command
                .args(["hide", "--password", "", "--in"])
                .arg(cover)
                .arg("--data")
                .arg(payload)
                .arg("--out")
                .arg(carrier),
            Kind::Stegolsb => command
                .args(["steglsb", "-h", "-n", "2", "-i"])
                .arg(cover)
                .arg("-s")
                .arg(payload)
                .arg("-o")
                .arg(carrier),
            // Photos do not compress, and sealed bytes need no second cipher.
            Kind::Steghide => command
                .args(["embed", "-q", "-Z", "-e", "none", "-p", "x", "-cf"])
                .arg(cover)
                .arg("-ef")
                .arg(payload)
                .arg("-sf")
                .arg(carrier),
        };
        command
    }

    /// Command that reveals into `folder`, and the path of the revealed file.
    pub fn reveal(&self, payload: &Path, carrier: &Path, folder: &Path) -> (Command, PathBuf) {
        let mut command = Command::new(&self.path);
        // stegano restores the original name, in a folder.
        let out = match self.kind {
            Kind::Stegano => folder.join(payload.file_name().unwrap_or_default()),
            _ => folder.join("revealed"),
        };
        match self.kind {
            Kind::Cameo => command
                .arg("reveal")
                .arg(carrier)
                .arg("--key")
                .arg(folder.join("key"))
                .arg("--out")
                .arg(&out),
            Kind::Stegano => command
                .args(["unveil", "--password", "", "--in"])
                .arg(carrier)
                .arg("--out")
                .arg(folder),
            Kind::Stegolsb => command
                .args(["steglsb", "-r", "-n", "2", "-i"])
                .arg(carrier)
                .arg("-o")
                .arg(&out),
            Kind::Steghide => command
                .args(["extract", "-q", "-p", "x", "-sf"])
                .arg(carrier)
                .arg("-xf")
                .arg(&out),
        };
        (command, out)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(command: &Command) -> Vec<String> {
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn our_command_lines_match_our_help() {
        let ours = Program {
            kind: Kind::Cameo,
            path: "cameo".into(),
        };
        let [payload, cover, carrier] = ["p.jpg", "c.png", "s.png"].map(Path::new);
        let hide = ours.hide(payload, cover, carrier, Path::new("f"));
        assert_eq!(
            words(&hide).join(" "),
            "hide p.jpg --key f/key --cover c.png --out s.png"
        );
        let (reveal, out) = ours.reveal(payload, carrier, Path::new("f"));
        assert_eq!(
            words(&reveal).join(" "),
            "reveal s.png --key f/key --out f/revealed"
        );
        assert_eq!(out, Path::new("f/revealed"));
    }

    #[test]
    fn the_first_program_of_a_name_is_found() {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let folders = env::join_paths([first.path(), second.path()]).unwrap();
        assert!(Program::within(Kind::Stegano, &folders).is_none());
        for folder in [&second, &first] {
            let path = folder.path().join("stegano");
            std::fs::write(&path, "").unwrap();
            let found = Program::within(Kind::Stegano, &folders).unwrap();
            assert_eq!(found.path, path);
        }
        assert!(Program::within(Kind::Steghide, &folders).is_none());
    }
}
