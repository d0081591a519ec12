//! The oracle: each job, at its arrival, to the worker where it truly ends first.
//!
//! It knows, at once and exactly, every job's CPU time, every worker's speed and slots, what each has still to do and
//! what is on its way to it, and who has died. It does not know what arrives later or who will die. Its jobs
//! take the same time to travel and to be uploaded as everybody's: that no placement can avoid. Where a job would
//! overtake another whose input is still coming, that one's delay counts as its own: else greed would hurt itself.
//!
//! Greedy is not optimal. It does not care for jobs to come, so a ratio below one is no mistake.

use cameo_common::ids::NodeId;
use cameo_dispatch::TicketId;

use super::placer::Placed;
use super::worker::Worker;
use super::workload::Arrival;

/// Nobody reads the oracle's tickets.
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
