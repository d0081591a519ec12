//! `bench codec`: how fast hiding is, how near a carrier is to its cover, and what simple steganalysis sees.

mod arguments;
mod carrier_size;
mod covers;
mod detection;
mod extent;
mod goals;
mod invisibility;
mod memory;
mod photos;
mod png_writing;
mod processes;
mod program;
mod race;
mod report;
mod whole_path;

use anyhow::Context as _;

pub use arguments::Arguments;
use extent::Extent;
use photos::Photo;
use program::{Kind, Program};

use super::document::Document;
use super::figure::Figure;
use super::goal::Goals;
use super::machine::Machine;
use super::table::table;

/// One run of the benchmark: what it works on, and what it has found so far.
struct Bench {
    extent: Extent,
    photos: Vec<Photo>,
    cameo: Option<Program>,
    peers: Vec<Program>,
    document: Document,
}

/// What is small and few cannot meet goals that are for photos as large as they are.
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

/// Measures, and prints what was found on stdout: nothing else goes there.
///
/// # Errors
/// When something of ours does not work. A goal that is not met is no error.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let extent = Extent::of(arguments);
    // What runs in this process has so many threads, whatever the machine has.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(extent.threads)
        .build()?;
    let document = pool.install(|| measure(arguments, extent))?;
    if arguments.json {
        println!("{}", serde_json::to_string(&document)?);
    } else {
        print!("{}", table(&document, goals(arguments)));
    }
    Ok(())
}

fn measure(arguments: &Arguments, extent: Extent) -> anyhow::Result<Document> {
    let cameo = processes::find_cameo(arguments.cameo.as_deref());
    if let (Err(why), Some(_)) = (&cameo, &arguments.cameo) {
        anyhow::bail!("{why}");
    }
    let mut bench = Bench {
        extent,
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
    let carrier = whole_path::measure(&mut bench).context("photo to carrier")?;
    png_writing::measure(&mut bench, &carrier).context("writing PNG")?;
    carrier_size::measure(&mut bench).context("carrier size")?;
    invisibility::measure(&mut bench).context("quality")?;
    detection::measure(&mut bench).context("steganalysis")?;
    if let Some(folder) = &arguments.report {
        report::write(&bench, goals(arguments), folder)
            .with_context(|| format!("the report in {}", folder.display()))?;
    }
    Ok(bench.document)
}
