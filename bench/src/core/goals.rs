//! Goals of the core's figures. Rates are ours / etcd's, and so are times and CPU.

use crate::goal::Goal::{AtLeast, AtMost};
use crate::goal::Goals;

pub const GOALS: Goals = &[
    ("write_1_vs_etcd", AtLeast(1.0)),
    ("write_16_vs_etcd", AtLeast(1.1)),
    ("write_64_vs_etcd", AtLeast(1.1)),
    ("write_256_vs_etcd", AtLeast(1.1)),
    ("write_p99_1_vs_etcd", AtMost(1.0)),
    ("write_p99_16_vs_etcd", AtMost(1.0)),
    ("write_p99_64_vs_etcd", AtMost(1.0)),
    ("write_p99_256_vs_etcd", AtMost(1.0)),
    ("cpu_per_write_64_vs_etcd", AtMost(1.3)),
    ("debit_1_vs_etcd", AtLeast(1.0)),
    ("debit_16_vs_etcd", AtLeast(1.0)),
    ("debit_64_vs_etcd", AtLeast(0.9)),
    ("debit_256_vs_etcd", AtLeast(0.9)),
    ("debit_p99_1_vs_etcd", AtMost(1.0)),
    ("debit_p99_16_vs_etcd", AtMost(1.0)),
    ("debit_p99_64_vs_etcd", AtMost(1.0)),
    ("debit_p99_256_vs_etcd", AtMost(1.0)),
    ("cpu_per_debit_64_vs_etcd", AtMost(1.3)),
    ("read_1_vs_etcd", AtLeast(1.3)),
    ("read_16_vs_etcd", AtLeast(2.0)),
    ("read_64_vs_etcd", AtLeast(2.0)),
    ("read_256_vs_etcd", AtLeast(2.0)),
    ("read_p99_1_vs_etcd", AtMost(1.0)),
    ("read_p99_16_vs_etcd", AtMost(1.0)),
    ("read_p99_64_vs_etcd", AtMost(1.0)),
    ("read_p99_256_vs_etcd", AtMost(1.0)),
    ("view_vs_put_1", AtMost(2.5)),
];
