//! Environment of an end-to-end test: real nodes, agents and files in one temporary folder.
//!
//! `World::new(3)` is a running cluster; `world.person("ada")` is a registered person with a
//! running agent. Tests act through the command line, and read results from its JSON, from the
//! nodes' APIs and from files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use cameo_harness::{Binaries, Cluster, Person, until};
use serde_json::Value;
use tempfile::TempDir;

/// Longest time until a condition is met.
pub const SETTLES_WITHIN: Duration = Duration::from_secs(30);

/// The five photos of the repository.
pub const PHOTOS: [&str; 5] = [
    "Picture_1A_by_freespace.jpg",
    "friends_by_Aitzol_Berasategi.jpg",
    "picosdeeuropa_by_Aitzol_Berasategi.jpg",
    "seeding_by_Clements_Engelhardt.jpg",
    "sunset_by_Aitzol_Berasategi.jpg",
];

/// The result of an end-to-end test. An error ends it where `?` meets it: later the folder of its
/// world would be gone.
pub type Outcome<T = ()> = Result<T, Failed>;

/// Never made: see [`Outcome`].
#[derive(Debug)]
pub enum Failed {}

impl<E: Into<anyhow::Error>> From<E> for Failed {
    #[track_caller]
    fn from(error: E) -> Self {
        panic!("{:?}", error.into())
    }
}

/// One cluster and the folder with everyone's files. The folder is kept when a test fails.
#[derive(Debug)]
pub struct World {
    pub cluster: Cluster,
    pub binaries: Binaries,
    folder: Option<TempDir>,
}

impl World {
    /// Starts a cluster of this many nodes.
    ///
    /// # Errors
    /// Ends the test when it does not start.
    pub async fn new(nodes: u64) -> Outcome<Self> {
        let mut world = Self::prepared(nodes).await?;
        world.cluster.start_all().await?;
        world.cluster.leader().await?;
        Ok(world)
    }

    /// This many nodes, none of them started yet.
    ///
    /// # Errors
    /// When their folders cannot be created.
    pub async fn prepared(nodes: u64) -> anyhow::Result<Self> {
        let binaries = Binaries::locate()?;
        let folder = tempfile::Builder::new().prefix("cameo-world-").tempdir()?;
        let cluster = Cluster::prepare(&binaries, folder.path(), nodes).await?;
        Ok(Self {
            cluster,
            binaries,
            folder: Some(folder),
        })
    }

    /// The folder of this world.
    ///
    /// # Panics
    /// Never: the folder exists until the world is dropped.
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn folder(&self) -> &Path {
        self.folder
            .as_ref()
            .expect("it is taken in drop only")
            .path()
    }

    /// A person with a home, not registered.
    ///
    /// # Errors
    /// When the home cannot be created.
    pub fn stranger(&self, name: &str) -> anyhow::Result<Person> {
        Ok(Person::new(&self.binaries, self.folder(), name)?)
    }

    /// A registered person.
    ///
    /// # Errors
    /// When registering fails.
    pub async fn registered(&self, name: &str) -> anyhow::Result<Person> {
        let person = self.stranger(name)?;
        person
            .ok(&["init", name, "--cluster", &self.cluster.urls()])
            .await?;
        Ok(person)
    }

    /// A registered person with a running agent.
    ///
    /// # Errors
    /// When registering fails or the agent does not get ready.
    pub async fn person(&self, name: &str) -> anyhow::Result<Person> {
        let mut person = self.registered(name).await?;
        person.start_agent().await?;
        Ok(person)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            let kept = folder.keep();
            eprintln!("the files of this test are kept in {}", kept.display());
        }
    }
}

/// The path of a photo of the repository.
#[must_use]
pub fn photo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../photos")
        .join(name)
}

/// The BLAKE3 hash of a file, as in `--json`.
///
/// # Errors
/// When it cannot be read.
pub fn hash_of(path: &Path) -> anyhow::Result<String> {
    Ok(blake3::hash(&std::fs::read(path)?).to_hex().to_string())
}

/// A shared photo that has arrived.
#[derive(Debug)]
pub struct Shared {
    pub image: String,
    pub grant: String,
    pub carrier: PathBuf,
}

/// `owner` adds a photo with these options, open to all, and `viewer` requests it.
///
/// # Errors
/// When a command fails.
pub async fn share(
    owner: &Person,
    viewer: &Person,
    photo: &Path,
    options: &[&str],
) -> anyhow::Result<Shared> {
    let path = photo.display().to_string();
    let add = [&["add", &path, "--policy", "open"], options].concat();
    let added = owner.ok(&add).await?;
    let image = text(&added["images"][0], "image")?;
    let arrived = viewer.ok(&["request", &owner.name, &image]).await?;
    Ok(Shared {
        image,
        grant: text(&arrived, "grant")?,
        carrier: text(&arrived, "carrier")?.into(),
    })
}

/// A text in a command's JSON.
///
/// # Errors
/// When it is missing.
pub fn text(json: &Value, key: &str) -> anyhow::Result<String> {
    Ok(json[key]
        .as_str()
        .with_context(|| format!("no text `{key}` in {json}"))?
        .to_owned())
}

/// The row of a grant in `shared` or `inbox`.
///
/// # Errors
/// When the command fails or the grant is not listed.
pub async fn grant_row(person: &Person, verb: &str, grant: &str) -> anyhow::Result<Value> {
    let list = person.ok(&[verb]).await?;
    let rows = list["grants"].as_array().context("no list of grants")?;
    rows.iter()
        .find(|row| row["grant"] == grant)
        .cloned()
        .with_context(|| format!("{grant} is not in {list}"))
}

/// Waits until a grant's row in `shared` or `inbox` meets a condition.
///
/// # Errors
/// When it does not in time.
pub async fn until_row(
    person: &Person,
    verb: &str,
    grant: &str,
    holds: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    let look = async || {
        grant_row(person, verb, grant)
            .await
            .ok()
            .filter(|row| holds(row))
    };
    Ok(until(
        &format!("the row of {grant} in `{verb}`"),
        SETTLES_WITHIN,
        look,
    )
    .await?)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// Notes, as a world does, whether its test fails when it is dropped.
    struct Noted<'a>(&'a mut bool);

    impl Drop for Noted<'_> {
        fn drop(&mut self) {
            *self.0 = std::thread::panicking();
        }
    }

    #[test]
    fn an_error_ends_a_test_while_its_world_is_still_there() {
        let mut is_kept = false;
        let ended = catch_unwind(AssertUnwindSafe(|| -> Outcome {
            let _world = Noted(&mut is_kept);
            Err(anyhow::anyhow!("no node answers"))?;
            Ok(())
        }));
        assert!(ended.is_err() && is_kept);
    }
}
