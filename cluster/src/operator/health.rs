//! Problems of a cluster, from what its nodes say.

use super::status_lines::{NodeLine, Role};

/// Entries behind from which on a node is said to be behind: more than a busy cluster's second.
const BEHIND: u64 = 10_000;
/// A disk with less than this share free is nearly full.
const FREE_PERCENT: u64 = 5;

/// Sentences; none of a healthy cluster.
pub(super) fn problems(lines: &[NodeLine], needed: usize) -> Vec<String> {
    let mut problems = Vec::new();
    // Quarantined and waiting nodes neither vote nor append; those that are low vote.
    let takes_entries = |line: &&NodeLine| {
        line.applied.is_some() && !line.quarantined && !line.waits && !line.is_low()
    };
    let taking_entries = lines.iter().filter(takes_entries).count();
    if taking_entries < needed {
        let known = match taking_entries {
            1 => "1 voter answers and takes entries".to_owned(),
            count => format!("{count} voters answer and take entries"),
        };
        problems.push(format!(
            "{known}, and {needed} are a majority: without another one nothing is written"
        ));
    }
    let leads = |line: &&NodeLine| line.role == Role::Leader;
    let newest = lines.iter().filter_map(|line| line.term).max();
    if !lines.iter().filter(leads).any(|line| line.term == newest) {
        problems.push("no node says that it leads".to_owned());
    }
    for line in lines {
        problems.extend(of_node(line));
    }
    problems
}

fn of_node(line: &NodeLine) -> Vec<String> {
    let id = line.id;
    let mut problems = Vec::new();
    if line.role == Role::Unknown {
        let why = line.error.as_deref().unwrap_or("it does not answer");
        problems.push(format!("nothing is known of node {id}: {why}"));
    }
    if line.quarantined {
        problems.push(format!(
            "node {id} is quarantined: it has come back with an older copy of its folder"
        ));
    }
    if line.waits {
        problems.push(format!(
            "node {id} takes no part yet: it waits for what other voters remember of it"
        ));
    }
    if let Some(behind) = line.behind.filter(|behind| *behind > BEHIND) {
        problems.push(format!("node {id} is {behind} entries behind"));
    }
    if line.is_low() {
        problems.push(format!(
            "node {id} is low on disk space and takes no new entries: free space on the disk of \
             its data folder, and it goes on by itself"
        ));
    } else if let Some(disk) = line.disk
        && let (Some(free), Some(size)) = (disk.free, disk.size)
        && free < size / 100 * FREE_PERCENT
    {
        problems.push(format!("the disk of node {id} is nearly full: make room"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use cameo_common::api::DiskInfo;
    use cameo_common::ids::{ClusterId, NodeId};

    use super::super::status_lines::ClusterStatus;
    use super::*;

    const DISK: DiskInfo = DiskInfo {
        free: Some(60 << 30),
        size: Some(200 << 30),
        reserve: 128 << 20,
        low: false,
    };

    fn line(id: u64, role: Role) -> NodeLine {
        NodeLine {
            id: NodeId(id),
            url: Some(format!("https://h{id}:1")),
            role,
            term: Some(3),
            applied: Some(50),
            behind: Some(0),
            quarantined: false,
            waits: false,
            disk: Some(DISK),
            version: Some("0.1.0".into()),
            error: None,
        }
    }

    fn healthy() -> Vec<NodeLine> {
        vec![
            line(1, Role::Leader),
            line(2, Role::Follower),
            line(3, Role::Follower),
        ]
    }

    #[test]
    fn a_healthy_cluster_has_no_problem_and_a_line_a_node() {
        let nodes = healthy();
        let problems = problems(&nodes, 2);
        assert!(problems.is_empty(), "{problems:?}");
        let status = ClusterStatus {
            schema: 1,
            cluster: ClusterId([1; 32]),
            healthy: true,
            leader: Some(NodeId(1)),
            nodes,
            problems,
        };
        let text = status.text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert_eq!(
            lines[1],
            "1   leader    3     50       0       ok     61440 of 204800 MiB  0.1.0"
        );
        assert_eq!(lines[4], "the cluster is healthy");
    }

    #[test]
    fn each_problem_is_said_with_its_node() {
        type Case = (fn(&mut NodeLine), &'static str);
        let cases: [Case; 6] = [
            (|line| line.quarantined = true, "node 2 is quarantined"),
            (|line| line.waits = true, "node 2 takes no part yet"),
            (
                |line| line.behind = Some(20_000),
                "node 2 is 20000 entries behind",
            ),
            (
                |line| {
                    line.disk = Some(DiskInfo {
                        free: Some(9 << 30),
                        ..DISK
                    });
                },
                "disk of node 2 is nearly full",
            ),
            (
                |line| {
                    line.disk = Some(DiskInfo {
                        free: Some(1 << 20),
                        low: true,
                        ..DISK
                    });
                },
                "node 2 is low on disk space",
            ),
            (
                |line| {
                    line.role = Role::Unknown;
                    line.error = Some("it cannot be reached".into());
                },
                "nothing is known of node 2: it cannot be reached",
            ),
        ];
        for (change, says) in cases {
            let mut nodes = healthy();
            change(&mut nodes[1]);
            let problems = problems(&nodes, 2);
            assert!(
                problems.iter().any(|said| said.contains(says)),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn a_deposed_leader_is_no_leader_and_a_minority_is_told() {
        let mut nodes = healthy();
        nodes[1].term = Some(4);
        let said = problems(&nodes, 2);
        assert_eq!(said, ["no node says that it leads"]);
        for line in &mut nodes[1..] {
            line.applied = None;
        }
        let said = problems(&nodes, 2);
        let begins = "1 voter answers and takes entries, and 2 are a majority";
        assert!(said[0].starts_with(begins), "{said:?}");
    }

    #[test]
    fn voters_that_take_no_entries_make_no_majority() {
        // given a voter that is up, one that takes no entries, and one that is down
        let takes_none: [fn(&mut NodeLine); 3] = [
            |line| line.quarantined = true,
            |line| line.waits = true,
            |line| line.disk = Some(DiskInfo { low: true, ..DISK }),
        ];
        for change in takes_none {
            let mut nodes = healthy();
            nodes[0].role = Role::Follower;
            change(&mut nodes[1]);
            (nodes[2].role, nodes[2].applied) = (Role::Unknown, None);
            // when their problems are told, then the first is that nothing is written
            let said = problems(&nodes, 2);
            let begins = "1 voter answers and takes entries, and 2 are a majority";
            assert!(said[0].starts_with(begins), "{said:?}");
        }
        let mut two = healthy();
        two[1].quarantined = true;
        let said = problems(&two, 2);
        assert!(
            said.iter().all(|said| !said.contains("majority")),
            "{said:?}"
        );
    }
}
