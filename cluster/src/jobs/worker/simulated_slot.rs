//! A slot of the simulator: a task instead of threads, and computed time instead of measured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cameo_dispatch::TicketId;

use super::pool::{end_job, run_job};
use super::shared::{Shared, Work};

/// How long a job with this input occupies its slot.
#[derive(Clone)]
pub struct JobCost(Arc<Cost>);

type Cost = dyn Fn(&[u8]) -> Duration + Send + Sync;

impl JobCost {
    /// The cost of an input.
    pub fn new(cost: impl Fn(&[u8]) -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(cost))
    }
}

impl fmt::Debug for JobCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobCost")
    }
}

/// Runs one job after another on the runtime that starts it.
pub(super) struct SimulatedSlot {
    shared: Arc<Shared>,
    cost: JobCost,
}

impl SimulatedSlot {
    pub(super) fn new(shared: Arc<Shared>, cost: JobCost) -> Self {
        Self { shared, cost }
    }

    /// Ends when the worker stops.
    pub(super) async fn run(self) {
        while let Some((id, work)) = self.shared.next_work_of_task().await {
            self.run_one(id, work).await;
        }
    }

    async fn run_one(&self, id: TicketId, work: Work) {
        let cpu = (self.cost.0)(&work.input);
        tokio::time::sleep(cpu).await;
        let result = run_job(&*self.shared.hide, &work);
        end_job(&self.shared, id, work, result, cpu);
    }
}
