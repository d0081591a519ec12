//! Open files of this process: as many as the connections need, or fewer connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// All that is no session.
const FOR_OTHERS: u64 = 512;

/// Raises this process's limit as far as so many connections need and the system allows, and
/// returns how many files of `each` fit in it.
pub fn connections_that_fit(wanted: u32, each: u64) -> u32 {
    let limit = getrlimit(Resource::Nofile);
    let needed = FOR_OTHERS + u64::from(wanted) * each;
    let soft = limit.current.unwrap_or(u64::MAX);
    let raised = limit.maximum.unwrap_or(u64::MAX).min(needed);
    let allowed = match raised > soft {
        true => {
            let limit = Rlimit {
                current: Some(raised),
                ..limit
            };
            setrlimit(Resource::Nofile, limit).map_or(soft, |()| raised)
        }
        false => soft,
    };
    fit(allowed, wanted, each)
}

fn fit(allowed: u64, wanted: u32, each: u64) -> u32 {
    let room = allowed.saturating_sub(FOR_OTHERS) / each.max(1);
    u32::try_from(room).map_or(wanted, |room| room.min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_as_many_connections_are_made_as_files_may_be_open() {
        assert_eq!(fit(20_512, 10_000, 2), 10_000);
        assert_eq!(fit(20_000, 10_000, 2), 9_744);
        assert_eq!(fit(256, 10_000, 2), 0);
        assert_eq!(fit(u64::MAX, 10_000, 2), 10_000);
        assert_eq!(connections_that_fit(10, 2), 10);
    }
}
