//! The workload of dispatch: jobs with the retries of a client, and tickets that must be refused.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_common::api::{
    ErrorCode, PlaceJob, PlaceJobs, PlacedJobs, Placement, TICKET_HEADER, paths,
};
use cameo_common::ids::{Hash, JobId, NodeId};
use cameo_common::keys::SigningKey;
use cameo_common::signed::Signed;
use cameo_common::statements::Ticket;
use data_encoding::BASE64URL_NOPAD;
use rand::RngExt as _;
use tokio::time::{Instant, sleep};

use super::ask::Ask;
use super::client::{Client, Outcome, copy};
use super::person::Person;
use super::port::Request;
use super::run::Run;
use super::status::status;
use super::work::Work;
use crate::history::{Answer, JobEnd, Key, Op, Operation, PlaceArg, Placed, RunArg, Tamper};

/// Bytes of a job's payload.
const PAYLOAD: usize = 400;
/// Longest time that a client wants one job done.
const JOB_DEADLINE: Duration = Duration::from_secs(25);
/// Pause before another ticket.
const PAUSE: Duration = Duration::from_millis(150);
/// Pause between two jobs, at most.
const BETWEEN_JOBS: Duration = Duration::from_millis(500);
/// Jobs of a hundred whose client goes away in the middle of a first upload.
const LEAVES_PERCENT: u32 = 20;
/// Longest wait for the end of a connection on which too little was sent.
const CUT_WITHIN: Duration = Duration::from_secs(2);
/// Workers on which a job may be lost.
const MAX_LOST: usize = 2;

/// Has one job after another done until the time is over.
pub async fn work(run: Arc<Run>, client: usize, until: Instant) {
    let mut client = Client::new(&run, &format!("jobs {client}"));
    let Ok(name) = format!("jobs-{}", client.rng.random_range(0..u32::MAX)).parse() else {
        return;
    };
    let person = Person::new(&mut client, name, 2);
    while !person.register_all(&mut client).await {
        if Instant::now() >= until {
            return;
        }
    }
    let Ok(work) = Work::of_payload(PAYLOAD, client.rng.random_range(0..u64::MAX)) else {
        return;
    };
    let Ok(other) = Work::of_payload(PAYLOAD, client.rng.random_range(0..u64::MAX)) else {
        return;
    };
    let device = &person.devices[0].key;
    let stranger = &person.devices[1].key;
    let mut before: Option<Ticketed> = None;
    while Instant::now() < until {
        let mut job = Job::new(&mut client, device, &work);
        if client.chance(LEAVES_PERCENT) {
            job.leave(&mut client).await;
        }
        job.use_old(&mut client, before.as_ref()).await;
        let done = job.done_within(&mut client, JOB_DEADLINE).await;
        let out = Some(done);
        client.note(&job.key, Op::EndJob(Operation { arg: (), out }));
        if let Some(placed) = job.last.clone() {
            job.use_old(&mut client, before.as_ref()).await;
            job.cheat(&mut client, &placed, stranger, &other).await;
            before = Some(placed);
        }
        client.pause(BETWEEN_JOBS).await;
    }
}

#[derive(Debug, Clone)]
struct Ticketed {
    placed: Placed,
    ticket: Signed<Ticket>,
}

impl Ticketed {
    /// The header with which a worker takes it.
    fn header(&self) -> (&'static str, String) {
        let ticket = BASE64URL_NOPAD.encode(self.ticket.as_bytes());
        (TICKET_HEADER, ticket)
    }
}

struct Job<'a> {
    device: &'a SigningKey,
    work: &'a Work,
    place: PlaceJob,
    key: Key,
    /// The last ticket.
    last: Option<Ticketed>,
}

impl<'a> Job<'a> {
    fn new(client: &mut Client, device: &'a SigningKey, work: &'a Work) -> Self {
        let job = JobId(client.bytes());
        Self {
            device,
            work,
            place: PlaceJob {
                job,
                input: work.hash,
                size: work.size(),
                exclude: Vec::new(),
            },
            key: Key::job(&job),
            last: None,
        }
    }

    /// Places the job and runs it, again after each failure, until it is done or the time is over.
    async fn done_within(&mut self, client: &mut Client, within: Duration) -> JobEnd {
        let end = Instant::now() + within;
        while Instant::now() < end {
            let node = client.any_node();
            let Some(ticketed) = self.placed(client, node).await else {
                sleep(PAUSE).await;
                continue;
            };
            self.last = Some(ticketed.clone());
            let (worker, input) = (ticketed.placed.worker, self.work);
            let ran = self.run(client, &ticketed, worker, self.device, input, Tamper::None);
            match ran.await {
                Outcome::Answered(Answer::Ok(true)) => return JobEnd::Done,
                Outcome::Answered(Answer::Ok(false)) => return JobEnd::Wrong,
                // A new ticket is of the new term.
                Outcome::Answered(Answer::Refused(ErrorCode::BadTicket)) => {}
                Outcome::Answered(Answer::Refused(_)) => return JobEnd::Failed,
                Outcome::NotDone | Outcome::Unknown => {
                    if self.place.exclude.len() < MAX_LOST && !self.place.exclude.contains(&worker)
                    {
                        self.place.exclude.push(worker);
                    } else {
                        self.place.exclude.clear();
                    }
                }
            }
            sleep(PAUSE).await;
        }
        JobEnd::Failed
    }

    async fn placed(&self, client: &mut Client, node: NodeId) -> Option<Ticketed> {
        let request = client.request();
        let body = PlaceJobs {
            jobs: vec![self.place.clone()],
        };
        let ask = Ask::post(paths::JOBS.to_owned(), &body, request);
        let arg = PlaceArg {
            node,
            client: self.device.public(),
            input: self.place.input,
            size: self.place.size,
            exclude: self.place.exclude.clone(),
        };
        let mut ticket = None;
        let decode = |body: &Bytes| {
            let placed: PlacedJobs = serde_json::from_slice(body).ok()?;
            match placed.jobs.into_iter().next()? {
                Placement::Placed(placed) => {
                    let term = placed.ticket.verify().ok()?.term;
                    ticket = Some(placed.ticket.clone());
                    Some(Some(Placed {
                        worker: placed.worker,
                        leader: placed.leader,
                        term,
                        ticket: placed.ticket.hash(),
                    }))
                }
                Placement::Refused(_) => Some(None),
            }
        };
        let op = |out: Option<Answer<Option<Placed>>>| {
            let out = out.map(|answer| match answer {
                Answer::Ok(Some(placed)) => Answer::Ok(placed),
                Answer::Ok(None) => Answer::Refused(ErrorCode::Busy),
                Answer::Refused(code) => Answer::Refused(code),
            });
            Op::Place(Operation { arg, out })
        };
        let (device, none) = (self.device, Vec::new());
        let outcome = client.send(
            device,
            node,
            &ask,
            none,
            &self.key,
            decode,
            |placed| placed,
            op,
        );
        let placed = outcome.await.ok().cloned().flatten()?;
        Some(Ticketed {
            placed,
            ticket: ticket?,
        })
    }

    /// Sends an input to a worker under a ticket; whether the carrier holds the payload.
    async fn run(
        &self,
        client: &mut Client,
        ticketed: &Ticketed,
        worker: NodeId,
        device: &SigningKey,
        work: &Work,
        tamper: Tamper,
    ) -> Outcome<bool> {
        let ask = self.upload(client, work);
        let headers = vec![ticketed.header()];
        let arg = RunArg {
            worker,
            ticket: ticketed.placed.ticket,
            input: work.hash,
            term: ticketed.placed.term,
            tamper,
        };
        let mut right = false;
        let carrier = |png: Bytes| {
            right = work.is_done_by(&png);
            Hash::of(&png)
        };
        let op = |out| Op::Run(Operation { arg, out });
        let decode = |body: &Bytes| Some(body.clone());
        let sent = client.send(
            device, worker, &ask, headers, &self.key, decode, carrier, op,
        );
        match sent.await {
            Outcome::Answered(Answer::Ok(_)) => Outcome::Answered(Answer::Ok(right)),
            Outcome::Answered(Answer::Refused(code)) => Outcome::Answered(Answer::Refused(code)),
            Outcome::NotDone => Outcome::NotDone,
            Outcome::Unknown => Outcome::Unknown,
        }
    }

    /// Begins an upload, and goes away in the middle of it: the job cannot have been done.
    async fn leave(&self, client: &mut Client) {
        let node = client.any_node();
        let Some(ticketed) = self.placed(client, node).await else {
            return;
        };
        let ask = self.upload(client, self.work);
        let length = ("content-length", ask.body.len().to_string());
        let headers = vec![ticketed.header(), length];
        let request = Request {
            device: Some(copy(self.device)),
            method: ask.method,
            path: ask.path,
            headers,
            body: ask.body.slice(..ask.body.len() / 2),
        };
        let port = client.run.port.clone();
        // No answer is awaited: the connection ends before the body does.
        drop(port.call(ticketed.placed.worker, request, CUT_WITHIN).await);
    }

    /// The call that sends an input.
    fn upload(&self, client: &mut Client, work: &Work) -> Ask {
        let request = client.request();
        Ask::upload(paths::RUN_JOB.to_owned(), work.input.clone(), request)
    }

    /// Sends the ticket of the job before, if its worker says that it knows of a newer term.
    async fn use_old(&self, client: &mut Client, old: Option<&Ticketed>) {
        let Some(old) = old else { return };
        let worker = old.placed.worker;
        let told = status(client, worker).await;
        if told.is_some_and(|told| told.term > old.placed.term) {
            let tamper = Tamper::OldTerm;
            let ran = self.run(client, old, worker, self.device, self.work, tamper);
            let _refused = ran.await;
        }
    }

    /// A use of the ticket that must be refused.
    async fn cheat(
        &self,
        client: &mut Client,
        ticketed: &Ticketed,
        stranger: &SigningKey,
        other: &Work,
    ) {
        let worker = ticketed.placed.worker;
        let elsewhere = client
            .run
            .port
            .nodes()
            .into_iter()
            .find(|node| *node != worker);
        let _refused = match (client.rng.random_range(0..4), elsewhere) {
            (0, Some(elsewhere)) => {
                let tamper = Tamper::OtherWorker;
                self.run(client, ticketed, elsewhere, self.device, self.work, tamper)
                    .await
            }
            (1, _) => {
                let tamper = Tamper::OtherClient;
                self.run(client, ticketed, worker, stranger, self.work, tamper)
                    .await
            }
            (2, _) => {
                let tamper = Tamper::OtherInput;
                self.run(client, ticketed, worker, self.device, other, tamper)
                    .await
            }
            _ => {
                let tamper = Tamper::Again;
                self.run(client, ticketed, worker, self.device, self.work, tamper)
                    .await
            }
        };
    }
}
