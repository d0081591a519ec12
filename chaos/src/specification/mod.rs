//! The objects of a cluster, one operation at a time: small models that share no rule with the
//! state machine.
//!
//! They were written from the laws, not from the code that they judge.

pub mod grant;
pub mod name;
