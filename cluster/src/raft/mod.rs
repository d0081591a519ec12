//! Consensus. openraft's types and traits end in this folder and in `store`'s adapters.

pub mod types;
