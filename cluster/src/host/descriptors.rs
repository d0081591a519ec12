//! File descriptors: as many as a node needs, or fewer client connections.
//!
//! A process that has none left can write no snapshot, so clients never get the last ones.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Node links in both directions: the limits of incoming ones, and a few to each other member.
const FOR_LINKS: u64 = 640;
/// The log, the state, snapshots that are written, sent and received, and what the runtime takes.
const FOR_FILES: u64 = 128;
/// Connections to the port of the metrics.
pub const FOR_METRICS: usize = 64;
/// All that is not a client.
const FOR_OTHERS: u64 = FOR_LINKS + FOR_FILES + FOR_METRICS as u64;
/// Fewest client connections that are worth starting a node for.
const FEWEST_CONNECTIONS: u64 = 32;

/// The process may open too few files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this process may open {allowed} files at once, and a node needs {needed} at least: raise its \
     limit (`ulimit -n`, or LimitNOFILE= of a systemd unit) and start it again"
)]
pub struct TooFewDescriptors {
    allowed: u64,
    needed: u64,
}

/// Raises this process's limit of file descriptors as far as `connections` need and the system
/// allows. Returns how many client connections fit in it.
///
/// # Errors
/// When not even a few do.
pub fn reserve(connections: usize) -> Result<usize, TooFewDescriptors> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = FOR_OTHERS + connections as u64;
    let soft = limit.current.unwrap_or(u64::MAX);
    let raised = limit.maximum.unwrap_or(u64::MAX).min(wanted);
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
    let fit = connections_within(allowed, connections)?;
    if fit < connections {
        tracing::warn!(
            allowed,
            "few files may be open at once: this node takes {fit} client connections and not \
             {connections}"
        );
    }
    Ok(fit)
}

fn connections_within(allowed: u64, wanted: usize) -> Result<usize, TooFewDescriptors> {
    let left = allowed.saturating_sub(FOR_OTHERS);
    if left < FEWEST_CONNECTIONS {
        let needed = FOR_OTHERS + FEWEST_CONNECTIONS;
        return Err(TooFewDescriptors { allowed, needed });
    }
    Ok(usize::try_from(left).unwrap_or(usize::MAX).min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_links_and_files_leave() {
        assert_eq!(connections_within(1_000_000, 12_000), Ok(12_000));
        assert_eq!(connections_within(1_024, 12_000), Ok(192));
        assert_eq!(connections_within(864, 12_000), Ok(32));
        let (allowed, needed) = (863, 864);
        let refused = Err(TooFewDescriptors { allowed, needed });
        assert_eq!(connections_within(863, 12_000), refused);
        assert!(connections_within(0, 12_000).is_err());
    }
}
