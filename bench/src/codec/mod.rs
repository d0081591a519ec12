//! `cameo-bench codec`: speed of hiding, distortion of carriers, and results of simple
//! steganalysis.

mod arguments;
mod carrier_size;
mod covers;
mod detection;
mod distortion;
mod goals;
mod memory;
mod photo_to_carrier;
mod photos;
mod png_writing;
mod process_runs;
mod processes;
mod program;
mod report;
mod sizes;

use anyhow::Context as _;

pub use arguments::Arguments;
use photos::Photo;
use program::{Kind, Program};
use sizes::Sizes;

use super::document::Document;
use super::figure::Figure;
use super::goal::Goals;
use super::machine::Machine;
use super::table::print;

/// One run of the benchmark: its inputs, and its results so far.
struct Bench {
    sizes: Sizes,
    photos: Vec<Photo>,
    cameo: Option<Program>,
    peers: Vec<Program>,
    document: Document,
}

/// Goals apply to full-size photos only, so quick runs have none.
fn goals(arguments: &Arguments) -> Goals {
    if arguments.quick { &[] } else { goals::GOALS }
}

impl Bench {
    fn add(&mut self, figure: Figure) {
        self.document.figures.push(figure);
    }

    fn missing(&mut self, missing: impl IntoIterator<Item = String>) {
        for line in missing {
            if !self.document.missing.contains(&line) {
                self.document.missing.push(line);
            }
        }
    }
}

/// Runs the benchmark and prints only its result on stdout. Fails when a part of Cameo fails; a
/// missed goal is no error.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let sizes = Sizes::of(arguments);
    // A fixed number of threads, independent of the machine.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(sizes.threads)
        .build()?;
    let document = pool.install(|| measure(arguments, sizes))?;
    print(&document, arguments.json, goals(arguments))
}

fn measure(arguments: &Arguments, sizes: Sizes) -> anyhow::Result<Document> {
    let cameo = processes::find_cameo(arguments.cameo.as_deref());
    if let (Err(why), Some(_)) = (&cameo, &arguments.cameo) {
        anyhow::bail!("{why}");
    }
    let mut bench = Bench {
        sizes,
        photos: photos::load(arguments.photos.as_deref())?,
        cameo: None,
        peers: Vec::new(),
        document: Document::new(Machine::here()),
    };
    match cameo {
        Ok(cameo) => bench.cameo = Some(cameo),
        Err(why) => bench.missing([why]),
    }
    for kind in Kind::PEERS {
        match Program::on_path(kind) {
            Some(peer) => bench.peers.push(peer),
            None => bench.missing([kind.to_string()]),
        }
    }
    processes::measure(&mut bench).context("whole processes")?;
    memory::measure(&mut bench).context("in memory")?;
    let carrier = photo_to_carrier::measure(&mut bench).context("photo to carrier")?;
    png_writing::measure(&mut bench, &carrier).context("writing PNG")?;
    carrier_size::measure(&mut bench).context("carrier size")?;
    distortion::measure(&mut bench).context("quality")?;
    detection::measure(&mut bench).context("steganalysis")?;
    if let Some(folder) = &arguments.report {
        report::write(&bench, goals(arguments), folder)
            .with_context(|| format!("the report in {}", folder.display()))?;
    }
    Ok(bench.document)
}
