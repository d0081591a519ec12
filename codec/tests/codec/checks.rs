//! A worker's carrier is believed only when it is the one that was asked for.

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
fn what_an_honest_worker_makes_is_believed_however_it_is_packed() {
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
fn another_picture_with_the_same_payload_is_no_carrier_of_this_cover() {
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
fn a_mark_in_any_sample_is_seen() {
    // One sample that carries nothing, as near to the cover as those that do.
    let job = Job::new(HideOptions::default());
    let honest = png::read(&job.honest()).unwrap();
    let mut seen = 0;
    for at in (0..honest.samples().len()).step_by(61) {
        let mut marked = honest.clone();
        marked.samples_mut()[at] ^= 1;
        let refused = job.check(&png::write(&marked)).unwrap_err();
        seen += usize::from(refused == CheckError::OtherPicture);
    }
    assert!(seen > 0, "some samples carry nothing, and are looked at");
}

#[test]
fn whatever_lies_beside_the_picture_is_refused() {
    let job = Job::new(HideOptions::default());
    let honest = job.honest();
    let chunks = Chunks::of(&honest);
    for (at, name) in [(1, b"tEXt"), (1, b"eXIf"), (2, b"tIME"), (1, b"PLTE")] {
        let mut marked = chunks.clone();
        marked.0.insert(at, (name.to_vec(), b"viewer 17".to_vec()));
        assert_eq!(job.check(&marked.png()), Err(CheckError::MoreInIt));
    }
    let mut marked = chunks.clone();
    marked.0.last_mut().unwrap().1 = b"viewer 17".to_vec();
    assert_eq!(job.check(&marked.png()), Err(CheckError::MoreInIt));
    let marked = [&honest[..], b"viewer 17"].concat();
    assert_eq!(job.check(&marked), Err(CheckError::MoreInIt));
}

#[test]
fn another_payload_or_none_is_refused() {
    let job = Job::new(HideOptions::default());
    let other = hide(&job.cover, b"something else", &key(1), &job.options).unwrap();
    assert_eq!(job.check(&other), Err(CheckError::OtherPayload));
    assert!(matches!(job.check(&job.cover), Err(CheckError::Lost(_))));
    assert!(matches!(job.check(b""), Err(CheckError::Unreadable(_))));
}
