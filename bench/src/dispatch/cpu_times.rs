//! CPU times of jobs, from the nodes' logs, and of nodes, from the kernel.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_harness::Cluster;

use crate::process_cpu::cpu_of;

/// CPU seconds of each completed job, by job id.
pub fn jobs_cpu(cluster: &Cluster) -> HashMap<String, f64> {
    let mut jobs = HashMap::new();
    for node in &cluster.nodes {
        // A node without a log has run no job.
        let log = fs::read_to_string(node.folder.join("node.log")).unwrap_or_default();
        jobs.extend(log.lines().filter_map(ended));
    }
    jobs
}

/// `... job ended job=ID done=true cpu_us=N`
fn ended(line: &str) -> Option<(String, f64)> {
    let (_, fields) = line.split_once("job ended")?;
    let field = |name: &str| {
        fields
            .split(' ')
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    };
    let cpu: f64 = field("cpu_us")?.parse().ok()?;
    (field("done")? == "true").then_some(())?;
    Some((field("job")?.to_owned(), cpu / 1e6))
}

/// CPU time that each running node has used since its start. Fails when one is missing: the oracle
/// must not have fewer workers.
pub fn nodes_cpu(cluster: &Cluster) -> anyhow::Result<BTreeMap<NodeId, Duration>> {
    let running = cluster.nodes.iter().filter_map(|node| {
        let process = node.process()?.id()?;
        Some((node.id, process))
    });
    running
        .map(|(node, process)| Ok((node, cpu_of(process)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_time_of_a_job_is_parsed_from_its_log_line() {
        let line = "2026-01-01T00:00:00Z DEBUG cameo_cluster::jobs::pool: \
                    job ended job=0a0b done=true cpu_us=12500";
        assert_eq!(ended(line), Some(("0a0b".to_owned(), 0.0125)));
        assert_eq!(ended(&line.replace("true", "false")), None);
        assert_eq!(ended("... forming: job=1 cpu_us=4"), None);
    }
}
