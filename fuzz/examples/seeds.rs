//! Writer of the structured seeds in `corpus/`. The pictures for `preview` come from `seeds.py`;
//! carriers are the codec's own vectors, which `run` reads in place.

use std::fs;
use std::path::Path;

use cameo_codec::job::JobInput;
use cameo_codec::{Channels, CodecKey, HideOptions, Picture, png};
use cameo_common::sealing::PhotoInfo;

fn main() -> std::io::Result<()> {
    carrier_built()?;
    for how in 0..16u8 {
        let options = if how & 4 == 0 {
            format!("veil-{}", 1 + how % 4)
        } else {
            "alpha".into()
        };
        if how < 5 {
            let truth = [
                &[how, 40, 30, 50, 0][..],
                &[0; 24],
                b"a payload and its cover",
            ]
            .concat();
            seed("header", &options, &truth)?;
            let mut lie = truth.clone();
            lie[5 + 7] = 0xff;
            seed("header", &format!("{options}-long"), &lie)?;
        }
        let any = [
            &[how, 11 * how, 30 + how, 100, 1, 7][..],
            b"a payload and its cover",
        ]
        .concat();
        seed("round_trip", &format!("{options}-{how}"), &any)?;
    }
    let cover = png::write(&gradient(24, 20, Channels::Rgb));
    for options in [
        HideOptions::veil(1),
        HideOptions::veil(4),
        HideOptions::alpha(),
    ] {
        let job = JobInput {
            key: CodecKey::from_bytes([5; 32]),
            options,
            cover: &cover,
            payload: b"sealed",
        };
        seed(
            "job_input",
            &format!("{:?}-{}", options.codec, options.depth),
            &job.encode(),
        )?;
    }
    sealed()
}

fn sealed() -> std::io::Result<()> {
    let good = cameo_fuzz::sealed::good();
    let length = (good.len() as u16).to_le_bytes();
    seed("sealed_payload", "good", good)?;
    seed("sealed_built", "good", &[&[0][..], &length].concat())?;
    seed(
        "sealed_built",
        "bent",
        &[&[0][..], &length, &[90, 0, 1]].concat(),
    )?;
    let info = PhotoInfo {
        name: "sea.jpg".into(),
        media_type: "image/jpeg".into(),
    };
    let photo = [&cameo_common::wire::encode(&info)[..], b"the sea"].concat();
    seed("sealed_built", "photo", &[&[1][..], &photo].concat())?;
    // The name's length in two bytes where one is enough.
    let overlong = [&[1, 0x80 | photo[0], 0][..], &photo[1..]].concat();
    seed("sealed_built", "overlong", &overlong)?;
    for (name, xs) in [
        ("parts", [1, 2]),
        ("parts-equal", [1, 1]),
        ("parts-zero", [0, 1]),
    ] {
        let part = |x: u8| [&[x][..], &[7 * x; 32]].concat();
        let parts = [&[2, 2][..], &part(xs[0]), &part(xs[1])].concat();
        seed("sealed_built", name, &parts)?;
    }
    Ok(())
}

/// The header and the stream of files of our own, with the stream cut at the same places.
fn carrier_built() -> std::io::Result<()> {
    for (name, picture) in [
        ("rgb", gradient(40, 30, Channels::Rgb)),
        ("rgba", gradient(9, 7, Channels::Rgba)),
        ("one", gradient(1, 1, Channels::Rgb)),
        // One row a strip: the reader decodes them in parallel.
        ("strips-rgb", gradient(33_000, 3, Channels::Rgb)),
        ("strips-rgba", gradient(40_000, 2, Channels::Rgba)),
    ] {
        let file = png::write(&picture);
        if name.starts_with("strips") {
            seed("carrier", &format!("{name}.png"), &file)?;
        }
        let (mut stream, mut cuts) = (Vec::<u8>::new(), Vec::new());
        let mut rest = &file[33..];
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            if after.starts_with(b"IDAT") {
                stream.extend(&after[4..4 + length]);
                cuts.push(length);
            }
            rest = &after[8 + length..];
        }
        cuts.pop();
        let mut data = vec![1];
        data.extend(&file[16..29]);
        data.push(cuts.len() as u8);
        cuts.iter()
            .for_each(|&cut| data.extend((cut as u16).to_le_bytes()));
        data.extend(stream);
        seed("carrier_built", name, &data)?;
    }
    Ok(())
}

fn gradient(width: u32, height: u32, channels: Channels) -> Picture {
    let row = width * channels.count() as u32;
    let samples = (0..row * height)
        .map(|i| (i % row / 999 + i / row) as u8)
        .collect();
    Picture::new(width, height, channels, samples).expect("all samples are there")
}

fn seed(target: &str, name: &str, data: &[u8]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), data)
}
