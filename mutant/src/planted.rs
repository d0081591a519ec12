//! The mutant of this process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Mutant, UnknownMutant};

/// The environment variable with the name of the mutant to plant.
pub const VARIABLE: &str = "CAMEO_MUTANT";
/// The environment variable that makes the program one of the next version of entries.
pub const NEXT_ENTRY_VERSION: &str = "CAMEO_NEXT_ENTRY_VERSION";
/// What is left of the wall clock: enough that two nodes differ, too little to end any time limit.
const REMAINDER_MS: u64 = 4;

/// Set at most once. Nothing is planted while it is not set.
static PLANTED: OnceLock<Mutant> = OnceLock::new();
static ADDED_ENTRY_VERSION: OnceLock<u16> = OnceLock::new();

/// Why a mutant is not planted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlantError {
    #[error("{VARIABLE}: {0}")]
    Unknown(#[from] UnknownMutant),
    #[error("{VARIABLE} is not UTF-8")]
    NotText,
    #[error("{0} is planted already: a process has one mutant at most")]
    Planted(Mutant),
}

/// Whether this bug is planted.
#[must_use]
pub fn is_planted(mutant: Mutant) -> bool {
    PLANTED.get() == Some(&mutant)
}

/// Plants a mutant for the rest of the process.
///
/// # Errors
/// When another one is planted.
pub fn plant(mutant: Mutant) -> Result<(), PlantError> {
    let planted = *PLANTED.get_or_init(|| mutant);
    if planted == mutant {
        Ok(())
    } else {
        Err(PlantError::Planted(planted))
    }
}

/// See [`crate::added_entry_version`].
pub fn added_entry_version() -> u16 {
    ADDED_ENTRY_VERSION.get().copied().unwrap_or(0)
}

/// Plants what the environment names. The mutant, or None when it names none.
///
/// # Errors
/// When no mutant has that name.
pub fn plant_from_environment() -> Result<Option<Mutant>, PlantError> {
    if std::env::var_os(NEXT_ENTRY_VERSION).is_some() {
        ADDED_ENTRY_VERSION.get_or_init(|| 1);
    }
    let Some(name) = std::env::var_os(VARIABLE) else {
        return Ok(None);
    };
    let mutant = name.to_str().ok_or(PlantError::NotText)?.parse()?;
    plant(mutant)?;
    Ok(Some(mutant))
}

/// The last digits of the wall clock, in milliseconds. They move on with each reading, also where
/// the system's clock stands still, as in a simulation.
pub fn wall_clock_remainder() -> u64 {
    static READ: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = u64::try_from(now.unwrap_or_default().as_micros()).unwrap_or(0);
    (micros / 100 + READ.fetch_add(1, Ordering::Relaxed)) % REMAINDER_MS
}
