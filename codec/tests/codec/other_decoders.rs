//! Our PNG files in other programs: libpng (`pngtopam`, `pngfix`), `pngcheck`, Pillow. Unlike the
//! `png` crate, they all check the Adler-32.
//!
//! A missing program is skipped and named on stderr; with `CAMEO_DEMAND_DECODERS` set, it is a
//! failure. Pillow is taken from `CAMEO_PILLOW_PYTHON`, or else from `python3`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::{env, fs};

use cameo_codec::{Channels, Picture, capacity, embed, png};

use crate::pictures::{KINDS, Kind, all_options, bytes, key, picture, rgba};

/// A picture, its file written by us, and a raw file: a line with mode and size, then the samples.
struct Case {
    name: String,
    picture: Picture,
    file: PathBuf,
    raw: PathBuf,
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("other_decoders");
    fs::create_dir_all(&folder).unwrap();
    let cases = pictures().into_iter().map(|(name, picture)| {
        let (width, height) = picture.size();
        let mode = match picture.channels() {
            Channels::Rgb => "RGB",
            Channels::Rgba => "RGBA",
        };
        let (file, raw) = (
            folder.join(format!("{name}.png")),
            folder.join(format!("{name}.raw")),
        );
        fs::write(&file, png::write(&picture)).unwrap();
        let head = format!("{mode} {width} {height}\n");
        fs::write(&raw, [head.as_bytes(), picture.samples()].concat()).unwrap();
        Case {
            name,
            picture,
            file,
            raw,
        }
    });
    cases.collect()
});

fn pictures() -> Vec<(String, Picture)> {
    let mut pictures = Vec::new();
    let sizes = [
        (1, 1),
        (1, 2),
        (2, 1),
        (7, 5),
        (3, 300),
        (1, 9000),
        (333, 222),
    ];
    for (width, height) in sizes {
        for kind in KINDS {
            let name = format!("{kind:?}-{width}x{height}");
            pictures.push((name, picture(kind, width, height, 1)));
        }
        pictures.push((format!("rgba-{width}x{height}"), rgba(width, height, 2)));
    }
    // 1000 RGB pixels and a filter byte: 65 rows a strip; 49 of RGBA. Runs, literals and stored
    // strips.
    for height in [64, 65, 66, 130, 131, 195, 196] {
        for kind in [Kind::Black, Kind::Gradient, Kind::OneBitNoise, Kind::Noise] {
            let name = format!("strips-{kind:?}-{height}");
            pictures.push((name, picture(kind, 1000, height, 3)));
        }
    }
    for height in [48, 49, 50, 98, 99] {
        pictures.push((format!("strips-rgba-{height}"), rgba(1000, height, 4)));
    }
    // One row a strip.
    pictures.push(("wide".into(), picture(Kind::Gradient, 40_000, 3, 5)));
    for options in all_options() {
        for kind in [Kind::Black, Kind::Gradient, Kind::Noise] {
            let payload = bytes(capacity(300, 260, &options) as usize, 6);
            let carrier = embed(picture(kind, 300, 260, 6), &payload, &key(6), &options);
            let name = format!("carrier-{:?}-{}-{kind:?}", options.codec, options.depth);
            pictures.push((name, carrier.unwrap()));
        }
    }
    pictures
}

/// Whether a program is installed; says so on stderr, or fails, when it is not.
pub fn is_installed(name: &str, probe: &mut Command) -> bool {
    let installed = probe.output().is_ok_and(|output| output.status.success());
    assert!(
        installed || env::var_os("CAMEO_DEMAND_DECODERS").is_none(),
        "{name} is demanded and not installed"
    );
    if !installed {
        eprintln!("skipped: {name} is not installed, so none of our files was checked with it");
    }
    installed
}

fn run(program: &str, arguments: &[&str], file: &Path) -> Output {
    Command::new(program)
        .args(arguments)
        .arg(file)
        .output()
        .unwrap()
}

/// Checks that the program detects a wrong Adler-32.
fn assert_refuses_a_wrong_sum(refuses: impl Fn(&Path) -> bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    assert!(refuses(&folder.join("must-fail/wrong-adler.png")));
    assert!(!refuses(&folder.join("veil-2.png")));
}

#[test]
fn libpng_sees_the_same_samples() {
    if !is_installed(
        "pngtopam (netpbm)",
        Command::new("pngtopam").arg("-version"),
    ) {
        return;
    }
    assert_refuses_a_wrong_sum(|file| !run("pngtopam", &[], file).status.success());
    for case in CASES.iter() {
        let (width, height) = case.picture.size();
        let (arguments, head): (&[&str], _) = match case.picture.channels() {
            Channels::Rgb => (&[], format!("P6\n{width} {height}\n255\n")),
            Channels::Rgba => (
                &["-alphapam"],
                format!(
                    "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\n\
                     TUPLTYPE RGB_ALPHA\nENDHDR\n"
                ),
            ),
        };
        let seen = run("pngtopam", arguments, &case.file);
        let stderr = String::from_utf8_lossy(&seen.stderr);
        assert!(seen.status.success(), "{}: {stderr}", case.name);
        let samples = seen.stdout.strip_prefix(head.as_bytes());
        assert!(
            samples == Some(case.picture.samples()),
            "{}: {stderr}",
            case.name
        );
    }
}

#[test]
fn pngcheck_and_pngfix_find_no_fault() {
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/veil-2.png");
    for (program, quiet) in [("pngcheck", "-q"), ("pngfix", "--quiet")] {
        if !is_installed(program, Command::new(program).arg(&good)) {
            continue;
        }
        assert_refuses_a_wrong_sum(|file| !run(program, &[quiet], file).status.success());
        for case in CASES.iter() {
            let seen = run(program, &[quiet], &case.file);
            let stdout = String::from_utf8_lossy(&seen.stdout);
            assert!(
                seen.status.success(),
                "{program} on {}: {stdout}",
                case.name
            );
        }
    }
}

const PILLOW: &str = "
import sys
from PIL import Image
for file, raw in zip(sys.argv[1::2], sys.argv[2::2]):
    picture = Image.open(file)
    picture.load()
    head = f'{picture.mode} {picture.width} {picture.height}\\n'.encode()
    if open(raw, 'rb').read() != head + picture.tobytes():
        sys.exit(file + ' is another picture')
";

#[test]
fn pillow_sees_the_same_samples() {
    let python = env::var("CAMEO_PILLOW_PYTHON").unwrap_or("python3".into());
    if !is_installed(
        "Pillow",
        Command::new(&python).args(["-c", "import PIL.Image"]),
    ) {
        return;
    }
    let look = |files: &[&Path]| {
        Command::new(&python)
            .args(["-c", PILLOW])
            .args(files)
            .output()
            .unwrap()
    };
    assert_refuses_a_wrong_sum(|file| {
        let stderr = String::from_utf8_lossy(&look(&[file, &CASES[0].raw]).stderr).into_owned();
        stderr.contains("broken data stream")
    });
    let files: Vec<&Path> = CASES
        .iter()
        .flat_map(|case| [&*case.file, &*case.raw])
        .collect();
    let seen = look(&files);
    assert!(
        seen.status.success(),
        "{}",
        String::from_utf8_lossy(&seen.stderr)
    );
}
