//! The paper's table: three clients, with all jobs on one server, and with our placement.

use cameo_dispatch::Policy;

use super::Scenes;
use crate::dispatch::closed_loop;
use crate::dispatch::stage::{Placing, Stage};
use crate::figure::Figure;

/// Millicores of the workers.
const EQUAL: [u32; 3] = [300, 300, 300];
const CLIENTS: usize = 3;

impl Scenes<'_> {
    /// Measures the seconds per request with both placements.
    pub(super) async fn papers_table(&mut self) -> anyhow::Result<()> {
        let one = Placing {
            policy: Policy::One,
            ..Placing::OURS
        };
        let mut means = Vec::new();
        for placing in [one, Placing::OURS] {
            let stage = Stage::start(&EQUAL, CLIENTS, placing).await?;
            let each = self.extent.table_each;
            let ran = closed_loop::run(&stage, &self.works, CLIENTS, each, self.seed).await?;
            stage.end().await?;
            if placing == Placing::OURS {
                self.count(&ran);
            }
            means.push(ran.times().iter().sum::<f64>() / ran.done.len() as f64);
        }
        let n = CLIENTS * self.extent.table_each;
        let note = format!("{CLIENTS} clients, three workers of .3 core; the paper: .69");
        let ratio = means[1] / means[0];
        self.add(Figure::new("balanced_vs_unbalanced", ratio, "x", n, note));
        for (name, mean) in ["unbalanced", "balanced"].into_iter().zip(means) {
            let name = format!("seconds_per_request_{name}");
            self.add(Figure::new(name, mean, "s", n, "mean"));
        }
        Ok(())
    }
}
