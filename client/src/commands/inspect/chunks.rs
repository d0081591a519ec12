//! The ancillary chunks of a PNG, such as EXIF or text.

/// Chunks of every picture; all others are metadata (PNG third edition, section 11).
const PICTURE: [&[u8; 4]; 4] = [b"IHDR", b"PLTE", b"IDAT", END];
const END: &[u8; 4] = b"IEND";
const SIGNATURE: usize = 8;
/// Length and name before a chunk's bytes, checksum after them.
const HEAD: usize = 8;
const CHECKSUM: usize = 4;
/// Bound on the reported names; each name is reported once.
const MAX_NAMES: usize = 32;

/// Chunks that change the colours or the orientation of the shown picture.
const CHANGES: [&str; 6] = ["eXIf", "tRNS", "cICP", "iCCP", "gAMA", "cHRM"];

/// Whether the picture is shown differently from its samples.
pub(in crate::commands) fn change_how_it_looks(png: &[u8]) -> bool {
    beside_the_picture(png)
        .iter()
        .any(|name| CHANGES.contains(&name.as_str()))
}

/// Width and height in the header, if there is one.
pub(super) fn declared_size(png: &[u8]) -> Option<(u32, u32)> {
    let header = png.get(SIGNATURE + HEAD..)?;
    let (width, rest) = header.split_first_chunk::<4>()?;
    let (height, _) = rest.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

/// The names of the ancillary chunks, each once, in the order of the file.
pub(super) fn beside_the_picture(png: &[u8]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut rest = png.get(SIGNATURE..).unwrap_or_default();
    while let Some((head, body)) = rest.split_first_chunk::<HEAD>() {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let name = [head[4], head[5], head[6], head[7]];
        rest = body.get(length + CHECKSUM..).unwrap_or_default();
        // Escaped, because the file is not trusted and the name is printed.
        let shown = name.escape_ascii().to_string();
        if !PICTURE.contains(&&name) && !names.contains(&shown) && names.len() < MAX_NAMES {
            names.push(shown);
        }
        if &name == END {
            break;
        }
    }
    if !rest.is_empty() {
        names.push("bytes after its end".to_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        [&length[..], name, body, &[0; 4]].concat()
    }

    #[test]
    fn ancillary_chunks_are_named_once() {
        let png = [
            b"\x89PNG\r\n\x1a\n".to_vec(),
            chunk(b"IHDR", &[0; 13]),
            chunk(b"tEXt", b"Comment\0at home"),
            chunk(b"eXIf", b"MM"),
            chunk(b"IDAT", &[1, 2, 3]),
            chunk(b"tEXt", b""),
            chunk(b"IEND", b""),
        ]
        .concat();
        assert_eq!(beside_the_picture(&png), ["tEXt", "eXIf"]);
        let plain = [&png[..8], &chunk(b"IDAT", b"x"), &chunk(b"IEND", b"")].concat();
        assert!(beside_the_picture(&plain).is_empty());
        let more = [&plain[..], b"PK"].concat();
        assert_eq!(beside_the_picture(&more), ["bytes after its end"]);
    }
}
