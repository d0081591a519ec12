//! Files that must fail, one fault each, for [`super::vectors`].

use cameo_codec::{CodecKey, HideOptions, hide, png};

use crate::pictures::{Chunks, bytes};

/// Name, file, key, and a part of the error message.
pub type Bad = (&'static str, Vec<u8>, Vec<u8>, &'static str);

type BadFile = (&'static str, Vec<u8>, &'static str);

const NOT_OURS: &str = "nothing is hidden here";

/// Good carriers, which the faults are applied to.
struct Carriers {
    veil: Vec<u8>,
    alpha: Vec<u8>,
    /// Chunks of `veil`.
    chunks: Chunks,
}

pub fn must_fail(cover: &[u8], payload: &[u8], key: &[u8]) -> Vec<Bad> {
    let codec_key = CodecKey::from_bytes(key.try_into().unwrap());
    let hidden = |options: &HideOptions| hide(cover, payload, &codec_key, options).unwrap();
    let veil = hidden(&HideOptions::default());
    let good = Carriers {
        alpha: hidden(&HideOptions::alpha()),
        chunks: Chunks::of(&veil),
        veil,
    };
    let wrong_key = bytes(32, 2027);
    let mut bad: Vec<Bad> = vec![
        (
            "wrong-key-veil.png",
            good.veil.clone(),
            wrong_key.clone(),
            NOT_OURS,
        ),
        (
            "wrong-key-alpha.png",
            good.alpha.clone(),
            wrong_key,
            NOT_OURS,
        ),
        ("plain-cover.png", cover.to_vec(), key.to_vec(), NOT_OURS),
    ];
    let groups = [
        good.changed_samples(),
        good.broken_files(),
        good.wrong_headers(),
        good.wrong_chunks(),
        good.wrong_streams(),
    ];
    let with_key = |(name, file, says)| (name, file, key.to_vec(), says);
    bad.extend(groups.into_iter().flatten().map(with_key));
    bad
}

impl Carriers {
    fn changed_samples(&self) -> Vec<BadFile> {
        let mut bent = png::read(&self.alpha).unwrap();
        bent.samples_mut()[4 * 100 + 3] ^= 0x10;
        let flattened = png::read(&self.alpha).unwrap().into_opaque();
        let mut resaved = png::read(&self.veil).unwrap();
        for sample in resaved.samples_mut().iter_mut().step_by(4) {
            *sample ^= 1;
        }
        vec![
            (
                "alpha-payload-bent.png",
                png::write(&bent),
                "altered on its way",
            ),
            ("alpha-flattened.png", png::write(&flattened), NOT_OURS),
            ("veil-resaved.png", png::write(&resaved), NOT_OURS),
        ]
    }

    fn broken_files(&self) -> Vec<BadFile> {
        let carrier = &self.veil;
        let cut = |len: usize| carrier[..len].to_vec();
        let flipped = |at: usize| {
            let mut file = carrier.clone();
            file[at] ^= 4;
            file
        };
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec();
        vec![
            ("empty.png", Vec::new(), "not a PNG"),
            ("jpeg.png", jpeg, "not a PNG"),
            ("cut.png", cut(carrier.len() / 2), "cut short"),
            ("no-end.png", cut(carrier.len() - 12), "cut short"),
            ("flipped-ihdr.png", flipped(20), "checksum"),
            ("flipped-idat.png", flipped(200), "checksum"),
        ]
    }

    /// The carrier with these changes of its chunks.
    fn bent(&self, bend: impl Fn(&mut Chunks)) -> Vec<u8> {
        let mut bent = self.chunks.clone();
        bend(&mut bent);
        bent.png()
    }

    fn wrong_headers(&self) -> Vec<BadFile> {
        let raw =
            |at: usize, to: &[u8]| self.bent(|c| c.ihdr()[at..at + to.len()].copy_from_slice(to));
        let area = [0, 0, 0x9c, 0x40, 0, 0, 0x9c, 0x40];
        vec![
            ("wide.png", raw(0, &u32::MAX.to_be_bytes()), "4294967295x30"),
            ("area.png", raw(0, &area), "40000x40000"),
            ("zero.png", raw(0, &[0; 4]), "0x30"),
            ("taller.png", raw(4, &31u32.to_be_bytes()), "cut short"),
            ("shorter.png", raw(4, &29u32.to_be_bytes()), "longer"),
            (
                "swapped-sides.png",
                raw(0, &[0, 0, 0, 30, 0, 0, 0, 40]),
                "damaged",
            ),
            ("grey.png", raw(9, &[0]), "grey"),
            ("palette.png", raw(9, &[3]), "palette"),
            ("deep.png", raw(8, &[16]), "16 bits"),
            ("interlaced.png", raw(12, &[1]), "interlaced"),
            ("unknown-method.png", raw(10, &[1]), "unknown method"),
        ]
    }

    fn wrong_chunks(&self) -> Vec<BadFile> {
        let two_headers = self.bent(|c| c.0.insert(1, c.0[0].clone()));
        let no_header = self.bent(|c| drop(c.0.remove(0)));
        let short_header = self.bent(|c| c.ihdr().truncate(12));
        let no_picture = self.bent(|c| drop(c.0.remove(1)));
        let critical = self.bent(|c| c.0.insert(1, (b"CRIT".to_vec(), vec![1])));
        let split = self.bent(|c| {
            c.0.insert(2, (b"IDAT".to_vec(), vec![1]));
            c.0.insert(2, (b"tEXt".to_vec(), vec![1]));
        });
        vec![
            ("two-headers.png", two_headers, "two headers"),
            ("no-header.png", no_header, "header is missing"),
            ("short-header.png", short_header, "wrong length"),
            ("no-picture.png", no_picture, "cut short"),
            ("critical-chunk.png", critical, "no reader may pass"),
            ("split-picture.png", split, "in pieces"),
        ]
    }

    fn wrong_streams(&self) -> Vec<BadFile> {
        let wrong_adler = self.bent(|c| *c.0[1].1.last_mut().unwrap() ^= 1);
        let bad_stream = self.bent(|c| c.0[1].1[2] |= 6);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut zlib, &[9; 30 * 121]).unwrap();
        let unknown_filter = self.chunks.with_stream(zlib.finish().unwrap()).png();
        let undecodable = "cannot be decompressed";
        vec![
            ("wrong-adler.png", wrong_adler, undecodable),
            ("bad-stream.png", bad_stream, undecodable),
            (
                "strip-ends-in-a-block.png",
                strip_ends_in_a_block(),
                undecodable,
            ),
            ("unknown-filter.png", unknown_filter, "unknown filter"),
        ]
    }
}

/// Two strips of one row each. The first ends inside a block with dynamic codes, in which one bit
/// would end the block; a sequential decoder reads the second strip as more of that block.
fn strip_ends_in_a_block() -> Vec<u8> {
    const WIDTH: u32 = 33_000;
    let row = vec![0; 3 * WIDTH as usize + 1];
    let mut first = vec![0x78, 1];
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    first.reserve(1000);
    deflate
        .compress_vec(&row, &mut first, flate2::FlushCompress::Sync)
        .unwrap();
    // Three empty blocks; then the final block, in which 0 is a literal and 1 the end of the block.
    first.extend([
        0x02, 0x08, 0x20, 0x40, 0x01, 0x70, 0x20, 0, 0, 0, 0, 0, 0xc4, 0x7f, 0x35,
    ]);
    let mut second = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut second, &row).unwrap();
    let mut sum = simd_adler32::Adler32::new();
    (0..2).for_each(|_| sum.write(&row));
    let second = [
        second.finish().unwrap(),
        sum.finish().to_be_bytes().to_vec(),
    ]
    .concat();
    let mut ihdr = [WIDTH.to_be_bytes(), 2u32.to_be_bytes()].concat();
    ihdr.extend([8, 2, 0, 0, 0]);
    let chunks = [
        (b"IHDR", ihdr),
        (b"IDAT", first),
        (b"IDAT", second),
        (b"IEND", Vec::new()),
    ];
    Chunks(chunks.map(|(name, data)| (name.to_vec(), data)).to_vec()).png()
}
