//! CPU that others use while something is measured.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::process_cpu::{cpu_of, cpu_of_family, cpu_of_machine};

/// CPU that others may use meanwhile, in cores. Kernel threads are others, too, and the disk's work
/// is done by them.
const DISTURBED_ABOVE: f64 = 0.15;

/// Whether others who used so many cores had a part in what was measured.
pub fn is_disturbed(cores: f64) -> bool {
    cores > DISTURBED_ABOVE
}

/// CPU since a start: of the machine, and of this program with its servers.
#[derive(Debug)]
pub struct OthersMeter {
    servers: Vec<u32>,
    began: Instant,
    before: Used,
}

#[derive(Debug, Clone, Copy)]
struct Used {
    own: Duration,
    all: Duration,
}

impl OthersMeter {
    /// # Errors
    /// When the system tells no CPU times.
    pub fn start(servers: Vec<u32>) -> anyhow::Result<Self> {
        let before = used(&servers)?;
        Ok(Self {
            servers,
            began: Instant::now(),
            before,
        })
    }

    /// Cores that neither this program nor a server has used since the start. Servers may have
    /// ended meanwhile, and none may have been started.
    ///
    /// # Errors
    /// When the system tells no CPU times.
    pub fn cores(&self) -> anyhow::Result<f64> {
        self.cores_beside(&self.servers)
    }

    /// The same where these servers run now, of which some were started meanwhile by this program.
    ///
    /// # Errors
    /// When the system tells no CPU times.
    pub fn cores_beside(&self, servers: &[u32]) -> anyhow::Result<f64> {
        let now = used(servers)?;
        let all = now.all.saturating_sub(self.before.all);
        let others = all.saturating_sub(now.own.saturating_sub(self.before.own));
        Ok(others.as_secs_f64() / self.began.elapsed().as_secs_f64())
    }
}

fn used(servers: &[u32]) -> anyhow::Result<Used> {
    // One that has ended counts as an ended child.
    let running = servers.iter().filter_map(|id| cpu_of(*id).ok());
    let own = cpu_of_family(std::process::id()).context("of this program")?;
    Ok(Used {
        own: own + running.sum::<Duration>(),
        all: cpu_of_machine()?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A child that is busy until its stdin closes.
    fn busy() -> std::process::Child {
        let busy = "while ! read -t 0; do :; done";
        let mut command = std::process::Command::new("bash");
        command
            .args(["-c", busy])
            .stdin(std::process::Stdio::piped());
        command.spawn().unwrap()
    }

    #[test]
    fn a_server_that_has_ended_is_no_other() {
        let mut child = busy();
        let used_before = used(&[child.id()]).unwrap().own;
        let end = Instant::now() + Duration::from_secs(30);
        while cpu_of(child.id()).unwrap() < Duration::from_millis(200) {
            assert!(Instant::now() < end);
            std::thread::yield_now();
        }
        let while_it_ran = used(&[child.id()]).unwrap().own;
        child.kill().unwrap();
        child.wait().unwrap();
        let after = used(&[child.id()]).unwrap().own;
        assert!(while_it_ran >= used_before + Duration::from_millis(150));
        assert!(after >= while_it_ran, "{after:?} {while_it_ran:?}");
    }

    #[test]
    fn others_are_what_is_left_of_the_machine() {
        let meter = OthersMeter::start(vec![std::process::id()]).unwrap();
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(50) {
            std::hint::spin_loop();
        }
        let cores = meter.cores().unwrap();
        assert!(cores >= 0.0 && cores.is_finite(), "{cores}");
        assert!(is_disturbed(0.2) && !is_disturbed(0.15));
    }
}
