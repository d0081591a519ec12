//! The Cameo client: verbs -> cluster API / peer API -> vault; the local gallery.

pub mod peer;
pub mod vault;
