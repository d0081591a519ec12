//! Assignment of workers to cores.
//!
//! A quota is an upper bound: on a core shared by several workers, the kernel may give each less.
//! So each worker is pinned to a core, such that the quotas on a core add up to no more than the
//! core has.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context as _;
use cameo_common::ids::NodeId;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A core for each worker: the largest quota first, to the core with the smallest sum.
#[must_use]
pub fn assign_cores(quotas: &BTreeMap<NodeId, u32>, cores: &[usize]) -> BTreeMap<NodeId, usize> {
    let mut largest_first: Vec<(NodeId, u32)> = quotas.iter().map(|(id, of)| (*id, *of)).collect();
    largest_first.sort_by_key(|(id, of)| (std::cmp::Reverse(*of), *id));
    let mut taken = vec![0; cores.len()];
    let mut assigned = BTreeMap::new();
    for (id, of) in largest_first {
        let least = (0..cores.len()).min_by_key(|at| taken[*at]);
        if let Some(at) = least {
            taken[at] += of;
            assigned.insert(id, cores[at]);
        }
    }
    assigned
}

/// Cores that this program may use.
pub fn cores() -> anyhow::Result<Vec<usize>> {
    let may = sched_getaffinity(None).context("which cores there are")?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|core| may.is_set(*core))
        .collect())
}

/// Restricts all threads of a process to these cores. Threads that it starts later inherit that.
/// Fails when the process has ended, or without permission.
pub fn pin(process: u32, cores: &[usize]) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let name = thread?.file_name();
        let thread = name.to_str().and_then(|name| name.parse().ok());
        let thread = thread.and_then(Pid::from_raw).context("a thread's id")?;
        match sched_setaffinity(Some(thread), &set) {
            // The thread has ended meanwhile.
            Err(rustix::io::Errno::SRCH) => {}
            set => set.context("pinning a thread")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_core_is_overcommitted() {
        let quotas = [(2, 600), (3, 300), (4, 300), (5, 150)];
        let quotas = quotas.map(|(id, of)| (NodeId(id), of)).into();
        let assigned = assign_cores(&quotas, &[0, 1]);
        let cores = [(2, 0), (3, 1), (4, 1), (5, 0)];
        assert_eq!(assigned, cores.map(|(id, core)| (NodeId(id), core)).into());
    }
}
