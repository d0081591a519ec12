//! Benchmarks: each prints one JSON document of figures, or a table for people.
//!
//! [`figure`], [`goal`], [`machine`], [`runs`] and [`table`] serve every benchmark: [`codec`], [`mod@dispatch`] and
//! [`placement`].
//! [`quality`] and [`steganalysis`] look at pictures and know nothing of who made them. A benchmark reports and
//! compares with its goals; no test asserts a time.

pub mod codec;
pub mod dispatch;
pub mod document;
pub mod figure;
pub mod goal;
pub mod machine;
pub mod peak;
pub mod placement;
pub mod quality;
pub mod runs;
pub mod steganalysis;
pub mod table;
