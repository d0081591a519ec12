//! The size of a part of the log.

use std::io;

use super::log::Wal;

impl Wal {
    /// About the bytes that the log's files have for the entries from `from` on: their share of all
    /// its entries. Blocks.
    pub(in super::super) fn bytes_since(&self, from: u64) -> io::Result<u64> {
        let (first, end) = {
            let log = self.lock();
            (log.purged().map_or(0, |key| key.index + 1), log.end())
        };
        let mut bytes = 0;
        for file in std::fs::read_dir(self.directory())? {
            bytes += file?.metadata()?.len();
        }
        Ok(share(
            bytes,
            end.saturating_sub(from),
            end.saturating_sub(first),
        ))
    }
}

/// What `some` of `all` entries take of so many bytes.
fn share(bytes: u64, some: u64, all: u64) -> u64 {
    let part = u128::from(bytes) * u128::from(some.min(all)) / u128::from(all.max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_their_share_of_the_bytes_and_never_more_than_all() {
        assert_eq!(share(1_000, 1, 4), 250);
        assert_eq!(share(1_000, 9, 4), 1_000);
        assert_eq!(share(1_000, 0, 0), 0);
        assert_eq!(share(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
    }
}
