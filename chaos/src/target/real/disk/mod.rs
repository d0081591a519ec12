//! A disk of our own below a node's folder.
//!
//! A file system in this process ([`fuser`]) that hands everything through to a folder, and knows
//! what a real disk would not have yet: what was not synced. A power failure takes that back. The
//! disk can fail, be full, be slow or unable to sync, and turn a bit of a file around.
//!
//! Data is durable once its file is synced, and names once the file or the folder in which they
//! changed is, with all changes of names before: as with the journals of ext4, XFS and Btrfs. What
//! is older than 20 s is durable too, as every system writes back in time.

mod answer;
mod attributes;
mod contents;
mod damage;
mod folders;
mod handle;
mod layer;
mod names;
mod state;
#[cfg(test)]
mod tests;
mod trouble;
mod unsynced;

pub use handle::Disk;
pub use trouble::Trouble;
