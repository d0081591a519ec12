//! The clusters that benchmarks call: ours and etcd, each as three real processes on this machine,
//! and their clients.

pub mod caller;
pub mod etcd;
pub mod ours;
