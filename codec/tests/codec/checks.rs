//! Checks of a worker's carrier by the owner.

use cameo_codec::{CheckError, HideOptions, check, embed, hide, png};

use crate::pictures::{Chunks, Kind, all_options, bytes, key, picture, rgba};

struct Job {
    cover: Vec<u8>,
    payload: Vec<u8>,
    options: HideOptions,
}

impl Job {
    fn new(options: HideOptions) -> Job {
        Job {
            cover: png::write(&picture(Kind::Gradient, 90, 70, 1)),
            payload: bytes(500, 2),
            options,
        }
    }

    fn honest(&self) -> Vec<u8> {
        hide(&self.cover, &self.payload, &key(1), &self.options).unwrap()
    }

    fn check(&self, carrier: &[u8]) -> Result<(), CheckError> {
        check(carrier, &self.cover, &self.payload, &key(1), &self.options)
    }
}

#[test]
fn an_honest_carrier_passes_however_its_stream_is_compressed() {
    for options in all_options() {
        let job = Job::new(options);
        let carrier = job.honest();
        assert_eq!(job.check(&carrier), Ok(()));
        let stream = Chunks::of(&carrier).stream();
        let mut raw = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&stream[..]), &mut raw)
            .unwrap();
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut packed, &raw).unwrap();
        let other = Chunks::of(&carrier).with_stream(packed.finish().unwrap());
        assert_eq!(job.check(&other.png()), Ok(()), "{options:?}");
    }
}

#[test]
fn attack_a_carrier_of_another_cover_is_refused() {
    for options in all_options() {
        let job = Job::new(options);
        for other in [picture(Kind::Noise, 90, 70, 9), rgba(90, 70, 9)] {
            let lie = embed(other, &job.payload, &key(1), &options).unwrap();
            assert_eq!(
                job.check(&png::write(&lie)),
                Err(CheckError::OtherPicture),
                "{options:?}"
            );
        }
    }
}

#[test]
fn attack_a_mark_in_any_sample_is_detected() {
    // Marks of the lowest bit, as small as the payload's own changes.
    let job = Job::new(HideOptions::default());
    let honest = png::read(&job.honest()).unwrap();
    let mut seen = 0;
    for at in (0..honest.samples().len()).step_by(61) {
        let mut marked = honest.clone();
        marked.samples_mut()[at] ^= 1;
        let refused = job.check(&png::write(&marked)).unwrap_err();
        seen += usize::from(refused == CheckError::OtherPicture);
    }
    assert!(seen > 0, "samples without payload are compared too");
}

#[test]
fn attack_anything_beside_the_picture_is_refused() {
    let job = Job::new(HideOptions::default());
    let honest = job.honest();
    let chunks = Chunks::of(&honest);
    for (at, name) in [(1, b"tEXt"), (1, b"eXIf"), (2, b"tIME"), (1, b"PLTE")] {
        let mut marked = chunks.clone();
        marked.0.insert(at, (name.to_vec(), b"viewer 17".to_vec()));
        assert_eq!(job.check(&marked.png()), Err(CheckError::ExtraData));
    }
    let mut marked = chunks.clone();
    marked.0.last_mut().unwrap().1 = b"viewer 17".to_vec();
    assert_eq!(job.check(&marked.png()), Err(CheckError::ExtraData));
    let marked = [&honest[..], b"viewer 17"].concat();
    assert_eq!(job.check(&marked), Err(CheckError::ExtraData));
}

#[test]
fn attack_another_payload_and_a_missing_one_are_refused() {
    let job = Job::new(HideOptions::default());
    let other = hide(&job.cover, b"something else", &key(1), &job.options).unwrap();
    assert_eq!(job.check(&other), Err(CheckError::OtherPayload));
    assert!(matches!(job.check(&job.cover), Err(CheckError::Lost(_))));
    assert!(matches!(job.check(b""), Err(CheckError::Unreadable(_))));
}
