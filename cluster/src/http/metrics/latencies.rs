//! Latencies of this node's work.

use super::text::Page;
use crate::latency::Latencies;

pub(super) fn render(page: &mut Page, of: &Latencies) {
    let histograms = [
        (
            "cameo_write_duration_seconds",
            "Writes through this node, from the proposal to the reply.",
            &of.writes.answered,
        ),
        (
            "cameo_read_duration_seconds",
            "Linearizable reads at this node, until its state is as new as they need.",
            &of.reads.answered,
        ),
        (
            "cameo_log_sync_duration_seconds",
            "Writes of the log to the disk, each of a group of requests, with its fdatasync.",
            &of.log_syncs,
        ),
        (
            "cameo_apply_duration_seconds",
            "Batches of committed entries, applied to the state.",
            &of.applies,
        ),
        (
            "cameo_apply_entries",
            "Entries of a batch that is applied.",
            &of.apply_entries,
        ),
        (
            "cameo_snapshot_duration_seconds",
            "Snapshots of the state that were written.",
            &of.snapshots,
        ),
    ];
    for (name, help, histogram) in histograms {
        page.histogram(name, help).buckets(&histogram.read());
    }
    let help = "Writes through this node that ended without a reply.";
    page.counter("cameo_writes_failed_total", help)
        .value(&of.writes.failed());
    let help = "Linearizable reads at this node that ended without an answer.";
    page.counter("cameo_reads_failed_total", help)
        .value(&of.reads.failed());
}
