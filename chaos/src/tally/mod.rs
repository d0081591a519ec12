//! A count of runs that goes on from one command to the next, in a file.
//!
//! `counts` is what one history holds; `row` is a run's line in the file, which `run`, `soak` and
//! `sim` append with `--tally FILE`; `sum` adds up the lines of files, for `cameo-chaos tally`.

mod counts;
mod row;
mod sum;

pub use counts::{Counts, OfKind, Total};
pub use row::{Build, Row, RowError, VOID, append};
pub use sum::{Arguments, run};
