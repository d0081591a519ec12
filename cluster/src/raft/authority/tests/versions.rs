//! Entries of a version that this program does not read.

use super::*;

#[test]
fn attack_an_entry_that_this_program_cannot_decide_is_not_taken() {
    let of = |version| {
        let stamped = Stamper.stamp(b"command".to_vec(), Millis(1), version);
        let payload = EntryPayload::Normal(EntryBytes(stamped));
        append(vote(TERM, FROM), vec![entry(LAST + 1, payload)])
    };
    assert_eq!(by_voter(&of(ENTRY_VERSION)), Ok(()));
    for version in [ENTRY_VERSION + 1, u16::MAX] {
        let refused = NoAuthority::Version {
            index: LAST + 1,
            version,
            newest: ENTRY_VERSION,
        };
        assert_eq!(by_voter(&of(version)), Err(refused));
    }
}
