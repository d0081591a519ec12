//! Setup of the demo: a folder, a cluster, two users and a photo. Dropping it kills the processes
//! and removes the folder.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use cameo_client::vault::files;
use cameo_codec::limits::MAX_PHOTO_BYTES;
use cameo_common::ids::{Hash, NodeId};
use cameo_harness::{Binaries, Cluster, Person};
use serde_json::Value;

use crate::Options;
use crate::reporter::Reporter;

/// Default photo, by Clemens Engelhardt, CC0.
const OWN_PHOTO: &[u8] = include_bytes!("../../photos/seeding_by_Clements_Engelhardt.jpg");

/// A folder that is removed on drop, unless `keep` is set.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // Nothing is lost when this fails: the folder is in the temporary directory.
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}

/// Processes and data that the cases share. Fields drop in order: processes before their folder.
#[derive(Debug)]
pub struct Setup {
    pub cluster: Cluster,
    pub ada: Person,
    pub ben: Person,
    pub photo: PathBuf,
    pub photo_hash: Hash,
    /// Folder for pictures that people can look at.
    pub pictures: PathBuf,
    kept_pictures: Folder,
    /// Image and grant of the first photo, set by the first case.
    pub image: String,
    pub grant: String,
    folder: Folder,
}

impl Setup {
    /// Builds missing programs, starts nodes and agents, and registers both users.
    pub async fn start(options: &Options, reporter: &Reporter) -> anyhow::Result<Self> {
        if std::env::var_os("CARGO").is_some() {
            reporter.step("building cameod, which takes minutes the first time");
        }
        let binaries = Binaries::build()?;
        let folder = make_folder(options.keep.as_deref())?;
        let photo = locate_photo(options.photo.as_deref(), &folder.path)?;
        let bytes = read_photo(&photo)?;
        let kept_pictures = make_pictures(&folder)?;
        let pictures = kept_pictures.path.clone();

        let started = Instant::now();
        let cluster = Cluster::start(&binaries, &folder.path, options.nodes).await?;
        let leader = cluster.leader().await?;
        reporter.step(&format!(
            "{} nodes formed a cluster in {:.2} s; node {leader} leads",
            options.nodes,
            started.elapsed().as_secs_f64()
        ));

        let mut ada = Person::new(&binaries, &folder.path, "ada")?;
        let mut ben = Person::new(&binaries, &folder.path, "ben")?;
        let urls = cluster.urls();
        for person in [&mut ada, &mut ben] {
            let name = person.name.clone();
            person.ok(&["init", &name, "--cluster", &urls]).await?;
            person.start_agent().await?;
            reporter.step(&format!(
                "{name} has keys, is registered, and runs an agent"
            ));
        }
        let photo_hash = Hash::of(&bytes);
        let shown = options.photo.as_ref().map_or_else(
            || "one of 16 MP, included with Cameo".to_owned(),
            |path| path.display().to_string(),
        );
        reporter.step(&format!("the photo: {shown}, {} bytes", bytes.len()));
        Ok(Self {
            cluster,
            ada,
            ben,
            photo,
            photo_hash,
            pictures,
            kept_pictures,
            image: String::new(),
            grant: String::new(),
            folder,
        })
    }

    /// The node that has finished a job since `before`.
    pub async fn worker_since(&self, before: &[(NodeId, u64)]) -> Option<NodeId> {
        let after = self.jobs_finished().await;
        let grown =
            |(id, count): &&(NodeId, u64)| before.iter().any(|(old, was)| old == id && count > was);
        after.iter().find(grown).map(|(id, _)| *id)
    }

    /// Number of jobs that each node reports as finished.
    pub async fn jobs_finished(&self) -> Vec<(NodeId, u64)> {
        let mut counts = Vec::new();
        for node in &self.cluster.nodes {
            if let Some(count) = node
                .status()
                .await
                .and_then(|status| status["jobs_finished"].as_u64())
            {
                counts.push((node.id, count));
            }
        }
        counts
    }

    /// The ledger's row of a grant, as the owner gets it.
    pub async fn ledger(&self, grant: &str) -> anyhow::Result<Value> {
        let shared = self.ada.ok(&["shared"]).await?;
        row(&shared["grants"], "grant", grant).context("ada's ledger does not have the grant")
    }

    /// Stops all processes cleanly. Returns the folder of pictures.
    pub async fn close(mut self) -> anyhow::Result<PathBuf> {
        self.ada.stop_agent().await?;
        self.ben.stop_agent().await?;
        for node in &mut self.cluster.nodes {
            node.stop().await?;
        }
        // Pictures are kept only when the demo has run to its end.
        self.kept_pictures.keep = true;
        drop(self.folder);
        Ok(self.pictures)
    }
}

/// The row of a list whose `key` is `value`.
pub fn row(list: &Value, key: &str, value: &str) -> Option<Value> {
    list.as_array()?
        .iter()
        .find(|row| row[key] == value)
        .cloned()
}

fn make_folder(keep: Option<&Path>) -> anyhow::Result<Folder> {
    let keeping = keep.is_some();
    let path = match keep {
        Some(path) => path.to_owned(),
        None => std::env::temp_dir().join(format!("cameo-demo-{}", std::process::id())),
    };
    std::fs::create_dir_all(&path)
        .with_context(|| format!("{} cannot be created", path.display()))?;
    let empty = std::fs::read_dir(&path)?.next().is_none();
    anyhow::ensure!(empty, "{} is not empty: name a new folder", path.display());
    Ok(Folder {
        path: path.canonicalize()?,
        keep: keeping,
    })
}

fn make_pictures(folder: &Folder) -> anyhow::Result<Folder> {
    let path = if folder.keep {
        folder.path.join("pictures")
    } else {
        std::env::temp_dir().join(format!("cameo-pictures-{}", std::process::id()))
    };
    std::fs::create_dir_all(&path)?;
    Ok(Folder {
        path,
        keep: folder.keep,
    })
}

/// Refuses files that are no pictures, before anything is started.
fn read_photo(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = files::read(path, MAX_PHOTO_BYTES)?;
    anyhow::ensure!(
        cameo_codec::preview(&bytes).is_ok(),
        "{} is not a picture that the demo can share: name another JPEG or PNG",
        path.display()
    );
    Ok(bytes)
}

fn locate_photo(given: Option<&Path>, folder: &Path) -> anyhow::Result<PathBuf> {
    if let Some(path) = given {
        return path
            .canonicalize()
            .with_context(|| format!("there is no photo at {}", path.display()));
    }
    let path = folder.join("seeding_by_Clements_Engelhardt.jpg");
    std::fs::write(&path, OWN_PHOTO)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_that_is_no_picture_is_refused_with_advice_that_fits_the_demo() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("note.txt");
        std::fs::write(&note, "not a picture").unwrap();
        let refused = format!("{:#}", read_photo(&note).unwrap_err());
        assert!(refused.contains("note.txt"), "{refused}");
        assert!(!refused.contains("--preview"), "{refused}");
    }
}
