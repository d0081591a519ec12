//! The workers' load from the leader's status, as a table and as JSON.

use cameo_common::api::{LoadInfo, MemberInfo, NodeStatus};
use serde_json::{Value, json};

use crate::cluster_api::LoadsUnavailable;
use crate::output::table;

const HEAD: [&str; 10] = [
    "worker",
    "part",
    "CPU share",
    "usable",
    "quota",
    "running",
    "queued",
    "incoming",
    "backlog",
    "reported",
];

/// The table of the workers, or the reason why there is none.
pub(super) fn text(loads: &Result<NodeStatus, LoadsUnavailable>) -> String {
    match loads {
        Ok(status) => {
            let head = HEAD.map(str::to_owned).to_vec();
            let rows = status.members.iter().map(|member| row(status, member));
            table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
        }
        Err(why) => format!("the workers' loads are not known: {why}\n"),
    }
}

fn row(status: &NodeStatus, member: &MemberInfo) -> Vec<String> {
    let mut cells = vec![member.id.to_string(), role(status, member)];
    match &member.load {
        Some(load) => cells.extend(figures(load)),
        None => {
            cells.extend(["-"; 7].map(str::to_owned));
            cells.push("no report yet".to_owned());
        }
    }
    cells
}

fn role(status: &NodeStatus, member: &MemberInfo) -> String {
    let role = match (status.leader == Some(member.id), member.voter) {
        (true, _) => "leader",
        (false, true) => "voter",
        (false, false) => "learner",
    };
    match &member.load {
        Some(load) if load.draining => format!("{role}, draining"),
        Some(load) if load.full => format!("{role}, full"),
        _ => role.to_owned(),
    }
}

fn figures(load: &LoadInfo) -> [String; 8] {
    [
        format!("{:.0}%", load.cpu_share * 100.0),
        cores(load.usable_millicores),
        cores(load.quota_millicores),
        load.running.to_string(),
        load.queued.to_string(),
        load.incoming.to_string(),
        format!("{} of CPU", time(load.backlog_cpu_ms)),
        format!("{} ago", time(load.age_ms)),
    ]
}

fn cores(millicores: u32) -> String {
    format!("{:.2} cores", f64::from(millicores) / 1000.0)
}

fn time(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..120_000 => format!("{:.1} s", millis as f64 / 1000.0),
        _ => format!("{} min", millis / 60_000),
    }
}

/// The JSON document: the leader that reported, and each worker as in `/v1/status`.
pub(super) fn document(loads: &Result<NodeStatus, LoadsUnavailable>) -> Value {
    match loads {
        Ok(status) => json!({
            "told_by": status.node, "term": status.term, "unknown": null,
            "members": status.members,
        }),
        Err(why) => json!({
            "told_by": null, "term": null, "unknown": why.to_string(), "members": [],
        }),
    }
}

#[cfg(test)]
mod tests {
    use cameo_common::ids::NodeId;

    use super::*;

    fn member(id: u64, voter: bool, load: Option<LoadInfo>) -> MemberInfo {
        MemberInfo {
            id: NodeId(id),
            url: format!("https://127.0.0.1:710{id}"),
            voter,
            load,
        }
    }

    fn load(draining: bool) -> LoadInfo {
        LoadInfo {
            cpu_share: 0.256,
            quota_millicores: 2000,
            usable_millicores: 1480,
            running: 1,
            queued: 12,
            backlog_cpu_ms: 2_340,
            incoming: 3,
            draining,
            full: false,
            age_ms: 31,
        }
    }

    fn leader_status() -> NodeStatus {
        NodeStatus {
            schema: 1,
            node: NodeId(2),
            cluster: None,
            leader: Some(NodeId(2)),
            term: 5,
            committed: 9,
            applied: 9,
            members: vec![
                member(1, true, Some(load(true))),
                member(2, true, Some(load(false))),
                member(3, false, None),
            ],
            jobs_finished: 0,
            job_memory: cameo_common::api::JobMemory::default(),
            quarantined: false,
            waits: None,
            version: String::new(),
            disk: cameo_common::api::DiskInfo::default(),
            entry_version: 6,
            newest_entry_version: 6,
        }
    }

    #[test]
    fn the_table_has_units_and_names_workers_without_a_report() {
        let expected = "\
worker  part             CPU share  usable      quota       running  \
    queued  incoming  backlog       reported
1       voter, draining  26%        1.48 cores  2.00 cores  1        \
    12      3         2.3 s of CPU  31 ms ago
2       leader           26%        1.48 cores  2.00 cores  1        \
    12      3         2.3 s of CPU  31 ms ago
3       learner          -          -           -           -        \
    -       -         -             no report yet
";
        assert_eq!(text(&Ok(leader_status())), expected);
        let unknown = text(&Err(LoadsUnavailable::Changing));
        assert!(unknown.contains("not known: the leader is changing"));
    }

    #[test]
    fn the_document_has_the_numbers_and_their_source() {
        let document = document(&Ok(leader_status()));
        assert_eq!(
            (&document["told_by"], &document["term"]),
            (&json!(2), &json!(5))
        );
        let worker = &document["members"][0];
        assert_eq!(
            worker["load"],
            json!({
                "cpu_share": 0.256, "quota_millicores": 2000, "usable_millicores": 1480,
                "running": 1,
                "queued": 12, "backlog_cpu_ms": 2340, "incoming": 3, "draining": true,
                "full": false,
                "age_ms": 31,
            })
        );
        assert_eq!(document["members"][2]["load"], Value::Null);
        let unknown = super::document(&Err(LoadsUnavailable::NoLeader));
        assert!(unknown["unknown"].is_string() && unknown["members"] == json!([]));
    }

    #[test]
    fn times_have_a_fitting_unit() {
        let shown = [0, 999, 1_500, 119_900, 180_000].map(time);
        assert_eq!(shown, ["0 ms", "999 ms", "1.5 s", "119.9 s", "3 min"]);
    }
}
