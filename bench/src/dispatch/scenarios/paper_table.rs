//! The paper's table: three clients, with all jobs on one server, and with our placement.

use cameo_dispatch::Policy;

use super::Scenarios;
use crate::dispatch::closed_loop;
use crate::dispatch::testbed::{PlacementSettings, Testbed};
use crate::figure::Figure;

/// Millicores of the workers.
const EQUAL: [u32; 3] = [300, 300, 300];
const CLIENTS: usize = 3;

impl Scenarios<'_> {
    /// Measures the seconds per request with both placements.
    pub(super) async fn paper_table(&mut self) -> anyhow::Result<()> {
        let one = PlacementSettings {
            policy: Policy::One,
            ..PlacementSettings::OURS
        };
        let mut means = Vec::new();
        for settings in [one, PlacementSettings::OURS] {
            let testbed = Testbed::start(&EQUAL, CLIENTS, settings).await?;
            let each = self.sizes.table_each;
            let result = closed_loop::run(&testbed, &self.works, CLIENTS, each, self.seed).await?;
            testbed.stop().await?;
            if settings == PlacementSettings::OURS {
                self.count(&result);
            }
            means.push(result.times().iter().sum::<f64>() / result.done.len() as f64);
        }
        let n = CLIENTS * self.sizes.table_each;
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
