//! The shape of an ICC profile, checked before its parser may follow its offsets: a few bytes can
//! name the same string or table thousands of times, and the parser copies it each time.

/// Largest profile that is read; those of printers have a few MiB.
const MAX_BYTES: usize = 8 << 20;
/// Most tags; profiles have about twenty.
const MAX_TAGS: usize = 100;
/// Most translations of one text.
const MAX_TRANSLATIONS: usize = 100;
/// Header, and number of tags.
const HEADER_BYTES: usize = 128;
const TABLE: usize = HEADER_BYTES + 4;
/// Signature, offset and length of a tag.
const ENTRY_BYTES: usize = 12;

/// Whether a profile's table is one that a program for colours has written.
pub(super) fn is_plausible(profile: &[u8]) -> bool {
    let Some(count) = number(profile, HEADER_BYTES).filter(|_| profile.len() <= MAX_BYTES) else {
        return false;
    };
    let table = profile.get(TABLE..).unwrap_or_default();
    let entries = table.as_chunks::<ENTRY_BYTES>().0;
    if count > MAX_TAGS || count > entries.len() {
        return false;
    }
    let mut names = Vec::with_capacity(count);
    entries[..count].iter().all(|entry| {
        let name = &entry[..4];
        let is_new = !names.contains(&name);
        names.push(name);
        is_new && number(entry, 4).is_none_or(|at| has_few_translations(profile, at))
    })
}

/// `mluc | 0 | number of records | …`
fn has_few_translations(profile: &[u8], at: usize) -> bool {
    let Some(tag) = profile.get(at..) else {
        return true;
    };
    !tag.starts_with(b"mluc") || number(tag, 8).is_none_or(|records| records <= MAX_TRANSLATIONS)
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let found = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_be_bytes(*found)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(tags: &[(&[u8; 4], u32)], body: &[u8]) -> Vec<u8> {
        let mut profile = vec![0; HEADER_BYTES];
        profile.extend((tags.len() as u32).to_be_bytes());
        for (name, at) in tags {
            profile.extend(*name);
            profile.extend(at.to_be_bytes());
            profile.extend((body.len() as u32).to_be_bytes());
        }
        profile.extend(body);
        profile
    }

    #[test]
    fn attack_a_profile_that_names_one_table_or_text_many_times_is_not_parsed() {
        assert!(is_plausible(&profile(
            &[(b"rXYZ", 0), (b"rTRC", 0)],
            b"curv"
        )));
        assert!(!is_plausible(&profile(&[(b"A2B0", 0); 2], b"mAB ")));
        let at = (TABLE + ENTRY_BYTES) as u32;
        let text = |records: u32| {
            let body = [&b"mluc\0\0\0\0"[..], &records.to_be_bytes()].concat();
            profile(&[(b"desc", at)], &body)
        };
        assert!(is_plausible(&text(100)));
        assert!(!is_plausible(&text(40_000)));
        let mut many = profile(&[], b"");
        many[HEADER_BYTES..TABLE].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(!is_plausible(&many));
        assert!(!is_plausible(b"short"));
    }
}
