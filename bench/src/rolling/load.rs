//! Clients in a closed loop that go from node to node, and what was answered to them.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::clusters::ours::{AddressBook, Household, Patient, Person, Photo};
use crate::silence::longest_silence;

/// Pause of a client after a failure: else it would fail without end.
const PAUSE: Duration = Duration::from_millis(100);
/// Failures whose reasons are kept.
const REASONS: usize = 5;

/// What a client does, all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Write,
    Debit,
    LookUp,
    View,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Write, Self::Debit, Self::LookUp, Self::View];

    fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Debit => "debit",
            Self::LookUp => "look-up",
            Self::View => "view",
        }
    }
}

/// One client with its photos: all but the last are used up.
#[derive(Debug)]
pub struct LoadClient {
    kind: Kind,
    person: Arc<Person>,
    client: Patient,
    photos: Vec<Photo>,
}

impl LoadClient {
    /// A client of the viewer with this number.
    ///
    /// # Errors
    /// When its first photo cannot be shared.
    pub async fn new(household: &Household, kind: Kind, number: usize) -> anyhow::Result<Self> {
        let (person, client) = household.client(number)?;
        let mut new = Self {
            kind,
            person,
            client,
            photos: Vec::new(),
        };
        if matches!(kind, Kind::Debit | Kind::View) {
            new.share(household).await?;
        }
        Ok(new)
    }

    /// One request, with all its tries. A client that owns a photo deals it again first, if the
    /// nodes have changed.
    async fn request(&mut self, household: &Household) -> anyhow::Result<()> {
        match self.kind {
            Kind::Write => household.write(&self.person, &mut self.client).await,
            Kind::LookUp => {
                let name = &self.person.name;
                household.look_up(name, &mut self.client).await
            }
            Kind::Debit | Kind::View => self.charge(household).await,
        }
    }

    async fn charge(&mut self, household: &Household) -> anyhow::Result<()> {
        if self.photos.last().is_none_or(Photo::is_used_up) {
            self.share(household).await?;
        }
        let Some(photo) = self.photos.last_mut() else {
            anyhow::bail!("a photo is shared");
        };
        let view = photo.view();
        match self.kind {
            Kind::View => photo.open(&view, &mut self.client).await,
            _ => photo.debit(&view, &mut self.client).await.map(drop),
        }
    }

    async fn share(&mut self, household: &Household) -> anyhow::Result<()> {
        let photo = household.share(&self.person, &mut self.client).await?;
        self.photos.push(photo);
        Ok(())
    }

    async fn deal_again(&mut self) -> anyhow::Result<()> {
        for photo in &mut self.photos {
            photo.deal_again(&mut self.client).await?;
        }
        Ok(())
    }
}

/// The load, as long as it goes on.
#[derive(Debug)]
pub struct Load<'a> {
    household: &'a Household,
    answers: RefCell<Vec<Instant>>,
    failed: RefCell<Vec<(Instant, String)>>,
    /// Clients that have dealt their photos to the newest descriptor, by its number.
    dealt: RefCell<Vec<u64>>,
    is_over: Cell<bool>,
}

impl<'a> Load<'a> {
    pub fn new(household: &'a Household, clients: usize) -> Self {
        Self {
            household,
            answers: RefCell::default(),
            failed: RefCell::default(),
            dealt: RefCell::new(vec![0; clients]),
            is_over: Cell::new(false),
        }
    }

    /// Lets all clients call until `work` is over, and returns what it returns.
    pub async fn during<T>(
        &self,
        clients: &mut [LoadClient],
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let clients = clients.iter_mut().enumerate();
        let calls = clients.map(|(number, client)| self.keep_calling(number, client));
        let worked = async {
            let done = work.await;
            self.is_over.set(true);
            done
        };
        let (_, done) = tokio::join!(join_all(calls), worked);
        done
    }

    async fn keep_calling(&self, number: usize, client: &mut LoadClient) {
        while !self.is_over.get() {
            let newest = self.household.book.descriptor().number;
            let is_dealt = self.dealt.borrow().get(number) == Some(&newest);
            let done = match is_dealt {
                true => client.request(self.household).await,
                false => client.deal_again().await,
            };
            let now = Instant::now();
            match done {
                Ok(()) if is_dealt => self.answers.borrow_mut().push(now),
                Ok(()) => {
                    if let Some(dealt) = self.dealt.borrow_mut().get_mut(number) {
                        *dealt = newest;
                    }
                }
                Err(error) => {
                    let why = format!("{}: {error:#}", client.kind.name());
                    eprintln!("a request has failed: {why}");
                    self.failed.borrow_mut().push((now, why));
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Where its clients look for the nodes.
    pub fn book(&self) -> &AddressBook {
        &self.household.book
    }

    /// Whether each client has dealt its photos to the newest descriptor.
    pub fn is_dealt(&self) -> bool {
        let newest = self.household.book.descriptor().number;
        self.dealt.borrow().iter().all(|dealt| *dealt == newest)
    }

    /// Whether so many requests were answered since then.
    pub fn flows_since(&self, from: Instant, count: usize) -> bool {
        let answers = self.answers.borrow();
        answers.iter().rev().take_while(|at| **at >= from).count() >= count
    }

    pub fn longest_silence(&self, from: Instant, to: Instant) -> Duration {
        longest_silence(self.answers.borrow().iter().copied(), from, to)
    }

    /// Requests that were answered so far.
    pub fn answered(&self) -> usize {
        self.answers.borrow().len()
    }

    /// Requests that have failed so far.
    pub fn failed(&self) -> usize {
        self.failed.borrow().len()
    }

    /// Why the first ones have failed.
    pub fn reasons(&self) -> Vec<String> {
        let failed = self.failed.borrow();
        failed
            .iter()
            .take(REASONS)
            .map(|(_, why)| why.clone())
            .collect()
    }
}
