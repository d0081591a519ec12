//! Hiding sealed bytes in a cover picture, and finding them again.
