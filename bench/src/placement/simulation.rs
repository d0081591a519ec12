//! Discrete-event simulation of one run, a function of the scenario and the strategy.
//!
//! A job arrives at the leader, is placed, travels to its worker, is accepted, uploaded, queued,
//! and run. Workers report at each heartbeat, and reports arrive a little later. Jobs of a failed
//! worker are placed again elsewhere.

use cameo_common::ids::NodeId;
use cameo_dispatch::Report;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::event_queue::EventQueue;
use super::outages::{self, Kind, Outage};
use super::outcome::Outcome;
use super::placed::Placed;
use super::placer::{Placer, Strategy};
use super::scenario::Scenario;
use super::worker::{SAMPLE_EVERY, Worker};
use super::workload::{Arrival, WARM_UP, Workload};
use super::{MILLISECOND, SECOND};

/// A refused job is placed again after this time.
const RETRY_AFTER: u64 = SECOND / 4;
/// Reports continue for this time after the last arrival, for jobs whose workers fail late.
const SETTLE: u64 = 5 * SECOND;

#[derive(Debug)]
enum Event {
    Arrival(Arrival),
    Retry(usize),
    Accepted(usize, Placed),
    Uploaded(usize, Placed),
    Ended(usize, Placed),
    Heartbeat,
    Report(NodeId, Box<Report>),
    Sample,
    Outage(Outage),
    Restart(usize),
}

#[derive(Debug)]
struct Job {
    arrival: Arrival,
    exclude: Vec<NodeId>,
    ended: u64,
}

#[derive(Debug)]
struct Simulation {
    events: EventQueue<Event>,
    workload: Workload,
    workers: Vec<Worker>,
    /// Kind of each worker's last outage.
    outage_kinds: Vec<Kind>,
    placer: Placer,
    interval: u64,
    /// For the network delay of reports.
    rng: StdRng,
    jobs: Vec<Job>,
    /// Jobs that will be placed again.
    waiting: usize,
    refused: usize,
    retried: usize,
}

/// Runs the simulation to the end of the last job.
pub fn simulate(scenario: &Scenario, strategy: Strategy) -> Outcome {
    let mut simulation = Simulation::new(scenario, strategy);
    while let Some((now, event)) = simulation.events.next() {
        simulation.handle(event, now);
    }
    simulation.outcome()
}

impl Simulation {
    fn new(scenario: &Scenario, strategy: Strategy) -> Self {
        let mut rng = StdRng::seed_from_u64(scenario.seed);
        let interval = strategy.interval().map_or(SECOND, |interval| interval.0);
        let mut millicores = scenario.millicores();
        let cores = millicores.iter().sum::<u32>() as f64 / 1e3;
        // Shuffled, so that no policy gains or loses by the order of the nodes.
        for at in (1..millicores.len()).rev() {
            millicores.swap(at, rng.random_range(0..=at));
        }
        let worker = |(at, millicores): (usize, &u32)| {
            Worker::new(NodeId(at as u64 + 1), *millicores, interval)
        };
        let mut simulation = Self {
            events: EventQueue::new(),
            workload: Workload::of(scenario, cores * outages::availability(scenario)),
            workers: millicores.iter().enumerate().map(worker).collect(),
            outage_kinds: vec![Kind::Crash; scenario.workers],
            placer: Placer::new(strategy, scenario.seed),
            interval,
            rng,
            jobs: Vec::new(),
            waiting: 0,
            refused: 0,
            retried: 0,
        };
        simulation.placer.set_members(&simulation.workers);
        if strategy != Strategy::Oracle {
            simulation.events.schedule(0, Event::Heartbeat);
            simulation.events.schedule(SAMPLE_EVERY, Event::Sample);
        }
        for outage in outages::outages(scenario, simulation.workload.until()) {
            simulation.events.schedule(outage.at, Event::Outage(outage));
        }
        simulation.next_arrival();
        simulation
    }

    fn handle(&mut self, event: Event, now: u64) {
        match event {
            Event::Arrival(arrival) => self.arrive(arrival, now),
            Event::Retry(job) => {
                self.waiting -= 1;
                self.place(job, now);
            }
            Event::Accepted(job, placed) => self.accept(job, placed, now),
            Event::Uploaded(job, placed) => self.enqueue(job, placed, now),
            Event::Ended(job, placed) => self.end(job, placed, now),
            Event::Heartbeat => self.heartbeat(now),
            Event::Report(from, report) => self.placer.follow(from, *report, now),
            Event::Sample => self.sample(now),
            Event::Outage(outage) => self.begin_outage(outage, now),
            Event::Restart(worker) => self.restart(worker, now),
        }
    }

    fn next_arrival(&mut self) {
        if let Some(arrival) = self.workload.next() {
            self.events.schedule(arrival.at, Event::Arrival(arrival));
        }
    }

    fn arrive(&mut self, arrival: Arrival, now: u64) {
        self.jobs.push(Job {
            arrival,
            exclude: Vec::new(),
            ended: 0,
        });
        self.place(self.jobs.len() - 1, now);
        self.next_arrival();
    }

    fn place(&mut self, number: usize, now: u64) {
        let job = &mut self.jobs[number];
        let placed = self
            .placer
            .place(&job.arrival, &job.exclude, &self.workers, now);
        let Some(placed) = placed else {
            self.refused += 1;
            self.retry_at(number, now + RETRY_AFTER);
            return;
        };
        let arrival = self.jobs[number].arrival;
        let arrives = now + arrival.travel;
        if let Some(worker) = self.worker(placed) {
            worker.expect(number, arrives + arrival.upload, arrival.cpu);
        }
        self.events
            .schedule(arrives, Event::Accepted(number, placed));
    }

    /// The worker that a job was placed on, if it has not failed since.
    fn worker(&mut self, placed: Placed) -> Option<&mut Worker> {
        let at = self.index_of(placed.node);
        let worker = &mut self.workers[at];
        (worker.alive && worker.incarnation == placed.incarnation).then_some(worker)
    }

    /// Index of a node's worker. Node ids grow by the number of workers with each replacement.
    fn index_of(&self, node: NodeId) -> usize {
        (node.0 as usize - 1) % self.workers.len()
    }

    fn retry_at(&mut self, job: usize, at: u64) {
        self.waiting += 1;
        self.events.schedule(at, Event::Retry(job));
    }

    /// Places the job again once its client has noticed the failure.
    fn fail(&mut self, job: usize, node: NodeId, now: u64) {
        let kind = self.outage_kinds[self.index_of(node)];
        self.jobs[job].exclude.push(node);
        self.retried += 1;
        self.retry_at(job, now + kind.noticed_after());
    }

    fn accept(&mut self, number: usize, placed: Placed, now: u64) {
        let arrival = self.jobs[number].arrival;
        let Some(worker) = self.worker(placed) else {
            return self.fail(number, placed.node, now);
        };
        worker.accept(number, placed.ticket, arrival.size, now);
        let uploaded = Event::Uploaded(number, placed);
        self.events.schedule(now + arrival.upload, uploaded);
    }

    /// Queues the job when its upload is complete. Without its worker it has failed already.
    fn enqueue(&mut self, number: usize, placed: Placed, now: u64) {
        let arrival = self.jobs[number].arrival;
        let worker = self.worker(placed);
        if let Some(end) = worker.and_then(|worker| worker.enqueue(number, &arrival, now)) {
            self.events.schedule(end, Event::Ended(number, placed));
        }
    }

    fn end(&mut self, number: usize, placed: Placed, now: u64) {
        let arrival = self.jobs[number].arrival;
        if let Some(worker) = self.worker(placed) {
            worker.end(number, &arrival, now);
            self.jobs[number].ended = now;
        }
    }

    /// Whether a job may still be placed.
    fn may_place_more(&self, now: u64) -> bool {
        now < self.workload.until() + SETTLE || self.waiting > 0
    }

    fn heartbeat(&mut self, now: u64) {
        for worker in self.workers.iter_mut().filter(|worker| worker.alive) {
            let delay = self.rng.random_range(MILLISECOND / 5..MILLISECOND);
            let report = Box::new(worker.report(now));
            self.events
                .schedule(now + delay, Event::Report(worker.node, report));
        }
        if self.may_place_more(now) {
            self.events.schedule(now + self.interval, Event::Heartbeat);
        }
    }

    fn sample(&mut self, now: u64) {
        for worker in self.workers.iter_mut().filter(|worker| worker.alive) {
            worker.sample(now);
        }
        if self.may_place_more(now) {
            self.events.schedule(now + SAMPLE_EVERY, Event::Sample);
        }
    }

    fn begin_outage(&mut self, outage: Outage, now: u64) {
        self.outage_kinds[outage.worker] = outage.kind;
        let node = self.workers[outage.worker].node;
        for job in self.workers[outage.worker].crash() {
            self.fail(job, node, now);
        }
        self.events
            .schedule(now + outages::DOWNTIME, Event::Restart(outage.worker));
    }

    fn restart(&mut self, index: usize, now: u64) {
        let round = match self.outage_kinds[index] {
            Kind::Crash => 0,
            Kind::Silence => self.workers.len() as u64,
        };
        let worker = &mut self.workers[index];
        worker.restart(NodeId(worker.node.0 + round), self.interval, now);
        self.placer.set_members(&self.workers);
    }

    fn outcome(&self) -> Outcome {
        let measured = self.jobs.iter().filter(|job| job.arrival.at >= WARM_UP);
        let latency = |job: &Job| (job.ended - job.arrival.at) as f64 / SECOND as f64;
        let latencies: Vec<f64> = measured.map(latency).collect();
        let lasted = (self.workload.until() - WARM_UP) as f64 / SECOND as f64;
        Outcome {
            refused: self.refused,
            retried: self.retried,
            ..Outcome::of(&latencies, lasted)
        }
    }
}

#[cfg(test)]
mod tests;
