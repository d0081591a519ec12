//! Scenarios of simulated runs: number of workers, load, prediction error and faults.

/// Size of the slowest and of the fastest worker, in millicores.
const SLOWEST: f64 = 150.0;
const FASTEST: f64 = 4000.0;

/// Parameters of a run. All strategies get the same jobs, workers and faults in one scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scenario {
    pub workers: usize,
    /// Arriving work as a share of the available capacity, in percent.
    pub load: u32,
    /// Error of predictions: standard deviation of the logarithm of a job's CPU time.
    pub sigma: f64,
    /// Whether workers fail and join.
    pub churn: bool,
    /// Minimum of measured jobs.
    pub jobs: usize,
    pub seed: u64,
}

impl Scenario {
    /// Cores of each worker, evenly spread on a logarithmic scale, so that any number of workers
    /// has the same mix.
    pub fn millicores(&self) -> Vec<u32> {
        let at = |n: usize| (n as f64 + 0.5) / self.workers as f64;
        (0..self.workers)
            .map(|n| (SLOWEST * (FASTEST / SLOWEST).powf(at(n))).round() as u32)
            .collect()
    }

    /// Suffix of figures, like `90_100ms_sigma03`; `interval` is its middle part.
    pub fn name(&self, interval: &str) -> String {
        let sigma = format!("{}", self.sigma).replace('.', "");
        let churn = if self.churn { "_churn" } else { "" };
        format!("{}_{interval}_sigma{sigma}{churn}", self.load)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: Scenario = Scenario {
        workers: 100,
        load: 90,
        sigma: 0.3,
        churn: false,
        jobs: 1000,
        seed: 1,
    };

    #[test]
    fn workers_are_as_uneven_as_promised() {
        let millicores = SCENARIO.millicores();
        assert!(millicores.is_sorted() && millicores.len() == 100);
        assert!((150..160).contains(&millicores[0]), "{millicores:?}");
        assert!((3900..4001).contains(&millicores[99]), "{millicores:?}");
    }

    #[test]
    fn names_describe_the_run() {
        assert_eq!(SCENARIO.name("100ms"), "90_100ms_sigma03");
        let other = Scenario {
            sigma: 1.0,
            churn: true,
            ..SCENARIO
        };
        assert_eq!(other.name("10s"), "90_10s_sigma1_churn");
    }
}
