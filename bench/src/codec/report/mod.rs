//! `--report`: the figures as JSON, and an HTML page with pictures.

mod html;
mod pictures;

use std::fs;
use std::path::Path;

use super::Bench;
use crate::goal::Goals;

/// Writes `figures.json` and `index.html`, which is self-contained.
pub fn write(bench: &Bench, goals: Goals, folder: &Path) -> anyhow::Result<()> {
    eprintln!("report in {}", folder.display());
    fs::create_dir_all(folder)?;
    let json = serde_json::to_string_pretty(&bench.document)?;
    fs::write(folder.join("figures.json"), json + "\n")?;
    let shown = pictures::picture_sets(bench)?;
    fs::write(
        folder.join("index.html"),
        html::page(&bench.document, goals, &shown),
    )?;
    Ok(())
}
