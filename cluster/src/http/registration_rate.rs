//! Rate of registrations by source: names are for ever, so one client must not take thousands.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// Registrations that one source may make at once.
pub const REGISTRATION_BURST: u32 = 256;
/// Registrations a second that one source may make for long.
pub const REGISTRATIONS_PER_SECOND: u32 = 1;
/// Sources that are remembered. When there are more, those that are idle are forgotten.
const MAX_SOURCES: usize = 16_384;
/// Pause that a new source is told while as many others are busy.
const CROWDED: Duration = Duration::from_secs(60);

/// The registrations of each source, not long ago.
pub struct RegistrationRate<C: Clock = TokioClock>(
    RateLimiter<IpAddr, HashMapStateStore<IpAddr>, C, NoOpMiddleware<<C as Clock>::Instant>>,
);

impl Default for RegistrationRate {
    fn default() -> Self {
        Self::by(TokioClock(Instant::now()))
    }
}

impl<C: Clock> RegistrationRate<C> {
    fn by(clock: C) -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(number(REGISTRATIONS_PER_SECOND));
        let quota = quota.allow_burst(number(REGISTRATION_BURST));
        Self(RateLimiter::new(quota, HashMapStateStore::default(), clock))
    }

    /// Counts a registration of this source. An error is the pause until the next one.
    ///
    /// # Errors
    /// When the source has made too many.
    pub fn count(&self, source: IpAddr) -> Result<(), Duration> {
        if self.0.len() >= MAX_SOURCES {
            self.0.retain_recent();
            if self.0.len() >= MAX_SOURCES {
                return Err(CROWDED);
            }
        }
        let counted = self.0.check_key(&source);
        counted.map_err(|early| early.wait_time_from(self.0.clock().now()))
    }
}

impl<C: Clock> fmt::Debug for RegistrationRate<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistrationRate of {} sources", self.0.len())
    }
}

/// tokio's time since the limiter was made, so that it is the simulator's in a simulation.
#[derive(Debug, Clone)]
pub struct TokioClock(Instant);

impl Clock for TokioClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn attack_one_source_takes_no_more_names_than_its_rate() {
        let clock = FakeRelativeClock::default();
        let rate = RegistrationRate::by(clock.clone());
        for _ in 0..REGISTRATION_BURST {
            assert_eq!(rate.count(ONE), Ok(()));
        }
        // given that it has used its burst, it waits, and others do not
        assert_eq!(rate.count(ONE), Err(SECOND));
        assert_eq!(rate.count(OTHER), Ok(()));
        clock.advance(SECOND);
        assert_eq!(rate.count(ONE), Ok(()));
        assert!(rate.count(ONE).is_err());
    }

    #[test]
    fn the_memory_of_sources_is_bounded_and_idle_ones_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let rate = RegistrationRate::by(clock.clone());
        let source = |number: u32| IpAddr::V4(number.into());
        for number in 0..MAX_SOURCES as u32 {
            assert_eq!(rate.count(source(number)), Ok(()));
        }
        assert_eq!(rate.count(source(u32::MAX)), Err(CROWDED));
        clock.advance(5 * SECOND * REGISTRATION_BURST);
        assert_eq!(rate.count(source(u32::MAX)), Ok(()));
    }
}
