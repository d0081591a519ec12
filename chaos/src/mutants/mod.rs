//! The selftest: bugs that are planted on purpose, and the laws that must notice them.
//!
//! `table` has for each mutant the law that must notice it, and the run in which it does. `trial`
//! runs one of them, in a process of its own that has the bug; the process that judges has none.
//! The same run without a bug must be valid: a judge that finds fault with everything would notice
//! every mutant too.

mod selftest;
mod table;
mod trial;

pub use selftest::{Arguments, NotNoticed, run};
pub use table::{Noticed, Scene, TRIALS, Target, Trial};
