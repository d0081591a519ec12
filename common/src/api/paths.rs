//! The paths of the API, each once. `{…}` stands for a part that a caller fills in.

pub const CLUSTER: &str = "/v1/cluster";
pub const STATUS: &str = "/v1/status";
pub const STATE_HASH: &str = "/v1/state-hash";
/// Prometheus' text format, not JSON.
pub const METRICS: &str = "/metrics";
/// Whether the node has to be restarted.
pub const HEALTH: &str = "/health";
/// Whether the node serves its cluster.
pub const READY: &str = "/ready";
pub const USERS: &str = "/v1/users";
pub const USER: &str = "/v1/users/{name}";
pub const USER_OFFLINE: &str = "/v1/users/{name}/offline";
pub const REVOKE_DEVICE: &str = "/v1/devices/revoke";
pub const SESSIONS: &str = "/v1/sessions";
pub const KEEP_ALIVE: &str = "/v1/sessions/keep-alive";
pub const END_SESSION: &str = "/v1/sessions/end";
pub const GRANTS: &str = "/v1/grants";
pub const GRANT: &str = "/v1/grants/{grant}";
/// The caller's own grants that have to be dealt again.
pub const GRANTS_TO_DEAL_AGAIN: &str = "/v1/grants/to-deal-again";
pub const DEALS: &str = "/v1/grants/{grant}/deals";
pub const REOPENING: &str = "/v1/grants/{grant}/reopening";
pub const GRANT_LOG: &str = "/v1/grants/{grant}/log";
pub const RECEIPT: &str = "/v1/grants/{grant}/receipt";
pub const RIGHTS: &str = "/v1/grants/{grant}/rights";
pub const CONFIRMATION: &str = "/v1/grants/{grant}/confirmation";
pub const ACK: &str = "/v1/grants/{grant}/ack";
pub const VIEWS: &str = "/v1/grants/{grant}/views";
pub const PARTS: &str = "/v1/grants/{grant}/parts";
pub const EVENTS: &str = "/v1/events";
pub const JOBS: &str = "/v1/jobs";
/// A snapshot, not JSON.
pub const BACKUP: &str = "/v1/operator/backup";
pub const OPERATOR: &str = "/v1/operator";
/// A node's signature that a descriptor is the next one, and the last one that it has given.
pub const SUCCESSION: &str = "/v1/operator/succession";
pub const IDENTITY: &str = "/v1/identity";
pub const RUN_JOB: &str = "/v1/jobs/run";

/// Fills the one `{…}` of a path.
#[must_use]
pub fn fill(path: &str, part: &dyn std::fmt::Display) -> String {
    match (path.find('{'), path.find('}')) {
        (Some(open), Some(close)) => format!("{}{part}{}", &path[..open], &path[close + 1..]),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_is_filled() {
        assert_eq!(
            super::fill(super::USER_OFFLINE, &"ada"),
            "/v1/users/ada/offline"
        );
    }
}
