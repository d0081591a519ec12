//! Cameo.
