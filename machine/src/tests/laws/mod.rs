//! The design's laws over random histories. Each law keeps its own small account of what was
//! accepted, and holds decisions and readers to it.

mod decisions;
mod directory;
mod draft;
mod history;
mod ledger;
mod live;
mod mailbox;
mod reach;
mod release;
