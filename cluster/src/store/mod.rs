//! Durable state: the log, the sled state machine and its snapshots.
