//! The oracle: places each job, at its arrival, on the worker where it truly ends first.
//!
//! It knows every job's CPU time, every worker's speed, slots, remaining work and jobs on their
//! way, and which workers have failed. It does not know later arrivals or failures. Travel and
//! upload take as long as for other strategies, since no placement can avoid them. If a job would
//! overtake another whose input is still arriving, that delay counts as its own cost, since the
//! oracle would otherwise delay its own jobs.
//!
//! The oracle is greedy, not optimal: it ignores jobs to come, so a ratio below 1 is no mistake.

use cameo_common::ids::NodeId;
use cameo_dispatch::TicketId;

use super::placed::Placed;
use super::worker::Worker;
use super::workload::Arrival;

/// The oracle's tickets are not used.
const TICKET: TicketId = TicketId([0; 16]);

pub fn place(
    arrival: &Arrival,
    exclude: &[NodeId],
    workers: &[Worker],
    now: u64,
) -> Option<Placed> {
    let ready = now + arrival.travel + arrival.upload;
    workers
        .iter()
        .filter(|worker| worker.alive && !exclude.contains(&worker.node))
        .min_by_key(|worker| worker.true_cost(ready, arrival.cpu))
        .map(|worker| Placed {
            node: worker.node,
            incarnation: worker.incarnation,
            ticket: TICKET,
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::placement::MILLISECOND;

    #[test]
    fn a_job_goes_where_it_ends_first_and_not_where_it_begins_first() {
        let mut workers = [
            Worker::new(NodeId(1), 150, 1),
            Worker::new(NodeId(2), 2000, 1),
        ];
        workers[1].expect(0, 0, 200 * MILLISECOND);
        let job = |cpu_ms: u64| Arrival {
            at: 0,
            size: 1,
            cpu: cpu_ms * MILLISECOND,
            travel: 1,
            upload: 1,
        };
        let chosen = |cpu_ms, exclude: &[NodeId]| {
            place(&job(cpu_ms), exclude, &workers, 0).map(|placed| placed.node)
        };
        assert_eq!(chosen(200, &[]), Some(NodeId(2)));
        assert_eq!(chosen(5, &[]), Some(NodeId(1)));
        assert_eq!(chosen(200, &[NodeId(2)]), Some(NodeId(1)));
        assert_eq!(chosen(200, &[NodeId(1), NodeId(2)]), None);
    }
}
