//! Examples of the machine's behaviour, one noun a file.

mod compaction;
mod deals;
mod descriptors;
mod devices;
mod early_refusal;
mod entry_versions;
mod founding;
mod grants;
mod mailbox;
mod operator;
mod readers;
mod registration;
mod release;
mod reopening;
mod restore;
mod retirement;
mod retries;
mod rights;
mod sessions;
mod signatures;
mod users;
mod views;
mod workers;
