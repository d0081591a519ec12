//! GIFs whose first frame is larger than their screen: as browsers do, the screen is taken to be as
//! large as the frame.

use std::borrow::Cow;

const HEADER_BYTES: usize = 13;
/// First bytes of blocks.
const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;

/// The file with a screen that holds its first frame.
pub(super) fn with_whole_frame(file: &[u8]) -> Cow<'_, [u8]> {
    let (Some(screen), Some(frame)) = (size_at(file, 6), first_frame(file)) else {
        return Cow::Borrowed(file);
    };
    let (Some(at), Some(size)) = (size_at(file, frame), size_at(file, frame + 4)) else {
        return Cow::Borrowed(file);
    };
    let needed = |screen: u16, at: u16, size: u16| screen.max(at.saturating_add(size));
    let whole = (
        needed(screen.0, at.0, size.0),
        needed(screen.1, at.1, size.1),
    );
    if whole == screen {
        return Cow::Borrowed(file);
    }
    let mut file = file.to_vec();
    file[6..8].copy_from_slice(&whole.0.to_le_bytes());
    file[8..10].copy_from_slice(&whole.1.to_le_bytes());
    Cow::Owned(file)
}

fn size_at(file: &[u8], at: usize) -> Option<(u16, u16)> {
    let [w0, w1, h0, h1] = *file.get(at..)?.first_chunk()?;
    Some((u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1])))
}

/// Where the position and size of the first frame are.
fn first_frame(file: &[u8]) -> Option<usize> {
    let flags = *file.get(10)?;
    let table = match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    };
    let mut at = HEADER_BYTES + table;
    while *file.get(at)? == EXTENSION {
        at += 2;
        // Sub-blocks, each with its length, up to one of none.
        loop {
            let length = usize::from(*file.get(at)?);
            at += 1 + length;
            if length == 0 {
                break;
            }
        }
    }
    (*file.get(at)? == IMAGE).then_some(at + 1)
}
