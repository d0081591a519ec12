//! Image jobs: placed by the leader, run by the worker, for the ticket's device only.

use cameo_codec::job::JobInput;
use cameo_codec::{self as codec, CodecKey, HideOptions};
use cameo_common::api::{
    ErrorCode, MAX_JOBS_A_CALL, PlaceJob, PlaceJobs, Placed, PlacedJobs, Placement, TICKET_HEADER,
    paths,
};
use cameo_common::ids::{Hash, JobId, NodeId};
use cameo_dispatch::{Choice, Logged};
use data_encoding::BASE64URL_NOPAD;

use crate::http::{Answer, Exchange, read_plain, send_as};
use crate::person::{Person, random};
use crate::world::{World, until};

fn png_cover(payload: usize, options: &HideOptions) -> Vec<u8> {
    // A preview of one colour makes a valid cover.
    let preview = codec::Picture::new(64, 48, codec::Channels::Rgb, vec![90; 64 * 48 * 3]).unwrap();
    codec::png::write(&codec::default_cover(&preview, None, payload, options).unwrap())
}

fn place_job(input: &[u8]) -> PlaceJob {
    PlaceJob {
        job: JobId(random()),
        input: Hash::of(input),
        size: input.len() as u64,
        exclude: vec![],
    }
}

async fn place(world: &World, node: impl Into<NodeId>, person: &Person, input: &[u8]) -> Placed {
    let (node, jobs) = (node.into(), vec![place_job(input)]);
    // A new leader has its workers' reports after a heartbeat.
    until("a worker", async || {
        let request = PlaceJobs { jobs: jobs.clone() };
        let answer = person.post(world, node, paths::JOBS, &request).await;
        match answer.read::<PlacedJobs>().jobs.remove(0) {
            Placement::Placed(placed) => Some(placed),
            Placement::Refused(no) => {
                assert_eq!(no.code, ErrorCode::Busy);
                None
            }
        }
    })
    .await
}

/// Starts a job's upload, without its body.
async fn upload(world: &World, placed: &Placed, person: &Person, input: &[u8]) -> Exchange {
    let (device, url) = (&person.device, world.url(placed.worker));
    let headers = [ticket(placed)];
    Exchange::begin(device, url, "POST", paths::RUN_JOB, &headers, input.len()).await
}

async fn run(world: &World, placed: &Placed, person: &Person, input: &[u8]) -> Answer {
    run_at(world.url(placed.worker), placed, person, input).await
}

async fn run_at(url: &str, placed: &Placed, person: &Person, input: &[u8]) -> Answer {
    let headers = [ticket(placed)];
    send_as(&person.device, url, "POST", paths::RUN_JOB, &headers, input).await
}

fn ticket(placed: &Placed) -> (&'static str, String) {
    (
        TICKET_HEADER,
        BASE64URL_NOPAD.encode(placed.ticket.as_bytes()),
    )
}

fn job_of(payload: &[u8], key: [u8; 32]) -> Vec<u8> {
    let options = HideOptions::default();
    let cover = png_cover(payload.len(), &options);
    let job = JobInput {
        key: CodecKey::from_bytes(key),
        options,
        cover: &cover,
        payload,
    };
    job.encode()
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_worker_runs_a_job_for_the_tickets_device_only() {
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let eve = Person::registered(&world, "eve").await;
    let payload = b"sealed bytes".repeat(500);
    let input = job_of(&payload, [3; 32]);
    let key = CodecKey::from_bytes([3; 32]);

    let placed = place(&world, 2, &ada, &input).await;
    assert_ne!(placed.worker, world.leader().await);
    let ticket = placed.ticket.verify().unwrap();
    assert_eq!(ticket.url, world.url(placed.worker));
    let node = world
        .descriptor()
        .await
        .node(placed.worker)
        .unwrap()
        .clone();
    assert_eq!(ticket.worker_key, node.key);

    // Another device's ticket, and another input than the ticket's.
    assert_eq!(
        run(&world, &placed, &eve, &input).await.code(),
        "bad_ticket"
    );
    let mut other = input.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(
        run(&world, &placed, &ada, &other).await.code(),
        "bad_ticket"
    );
    // Another worker than the ticket's.
    let elsewhere = world.url(placed.leader);
    assert_eq!(
        run_at(elsewhere, &placed, &ada, &input).await.code(),
        "bad_ticket"
    );

    let done = run(&world, &placed, &ada, &input).await;
    assert_eq!(done.status, 200, "{}", String::from_utf8_lossy(&done.body));
    assert!(done.head.contains("content-type: image/png"));
    assert_eq!(codec::reveal(&done.body, &key).unwrap(), payload);
    assert_eq!(world.status(placed.worker).await.jobs_finished, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_decision_log_is_complete_after_a_stop() {
    // given a placed job
    let mut world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let placed = place(&world, 1, &ada, b"a job").await;
    // when the node stops
    world.stop(1).await;
    // then the log has the placement
    let log = std::fs::read_to_string(world.decisions(1)).unwrap();
    let lines: Vec<Logged> = log.lines().map(|l| Logged::of_line(l).unwrap()).collect();
    let last = lines.last().unwrap();
    assert_eq!(last.decision.choice, Choice::Worker(placed.worker));
    assert_eq!(last.leader, NodeId(1));
    assert!(lines.iter().all(|line| line.decision.replays()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_does_not_decode_is_refused_by_the_worker() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let placed = place(&world, 1, &ada, b"no job at all").await;
    let answer = run(&world, &placed, &ada, b"no job at all").await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "bad_job"));
    let code = serde_json::from_value::<ErrorCode>(answer.json()["code"].clone()).unwrap();
    assert_eq!(code, ErrorCode::BadJob);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leaders_metrics_have_every_workers_load_and_a_followers_its_own() {
    let world = World::new(3).await;
    let leader = world.leader().await;
    for id in [1, 2, 3].map(NodeId) {
        let text = until("metrics of reports from all", async || {
            let answer = read_plain(world.metrics(id), paths::METRICS).await;
            assert_eq!(answer.status, 200);
            assert!(
                answer
                    .head
                    .contains("content-type: text/plain; version=0.0.4")
            );
            let text = String::from_utf8(answer.body).unwrap();
            let reporting = text.matches("} 1\n").count() >= 3 * 2;
            (id != leader || reporting).then_some(text)
        })
        .await;
        assert!(text.contains(&format!("cameo_is_leader {}\n", u8::from(id == leader))));
        assert!(text.contains("\ncameo_quota_millicores "), "{text}");
        assert_eq!(
            text.contains("cameo_worker_quota_millicores{"),
            id == leader
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_node_finishes_its_jobs_and_rejects_new_ones() {
    // given a node with half of a job's input, and a ticket for another
    let mut world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let payload = b"sealed bytes".repeat(500);
    let input = job_of(&payload, [3; 32]);
    let placed = place(&world, 1, &ada, &input).await;
    let mut job = upload(&world, &placed, &ada, &input).await;
    let (first, rest) = input.split_at(input.len() / 2);
    job.upload(first).await;
    until("the accepted job", async || {
        let memory = world.status(1).await.job_memory;
        (memory.inputs == input.len() as u64).then_some(())
    })
    .await;
    let late = place(&world, 1, &ada, b"another").await;
    // when the node is stopped
    let node = world.nodes[0].take().unwrap();
    let stopping = tokio::spawn(node.stop());
    until("a draining node", async || {
        let status = world.status(1).await;
        let load = status.members[0].load.as_ref()?;
        load.draining.then_some(())
    })
    .await;
    // then the other job is rejected, with a time to retry
    let refused = run(&world, &late, &ada, b"another").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "unavailable")
    );
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    // and the accepted job is finished
    job.upload(rest).await;
    let done = job.answer().await;
    assert_eq!(done.status, 200, "{}", String::from_utf8_lossy(&done.body));
    let key = CodecKey::from_bytes([3; 32]);
    assert_eq!(codec::reveal(&done.body, &key).unwrap(), payload);
    stopping.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nodes_status_counts_the_memory_of_its_jobs() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let memory = world.status(1).await.job_memory;
    assert_eq!((memory.inputs, memory.pictures), (0, 0));
    assert!(memory.inputs_limit > 0 && memory.pictures_limit > 0);
    // given a job whose input does not arrive
    let input = job_of(b"sealed bytes", [3; 32]);
    let placed = place(&world, 1, &ada, &input).await;
    let job = upload(&world, &placed, &ada, &input).await;
    let counted = async |bytes: usize| {
        until("the count", async || {
            let memory = world.status(1).await.job_memory;
            (memory.inputs == bytes as u64).then_some(())
        })
        .await;
    };
    counted(input.len()).await;
    // when its client disconnects, then its memory is released
    drop(job);
    counted(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_jobs_has_an_answer_for_each() {
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    place(&world, 1, &ada, b"the leader knows its workers").await;
    // given three jobs, of which one excludes all workers
    let mut jobs: Vec<PlaceJob> = [&b"first"[..], b"second", b"third"].map(place_job).into();
    jobs[1].exclude = vec![NodeId(1), NodeId(2), NodeId(3)];
    let asked = jobs.clone();
    let answer = ada.post(&world, 2, paths::JOBS, &PlaceJobs { jobs }).await;
    // then the answers are in the order of the jobs
    let answers = answer.read::<PlacedJobs>().jobs;
    assert_eq!(answers.len(), 3);
    for at in [0, 2] {
        let Placement::Placed(placed) = &answers[at] else {
            panic!("{answers:?}");
        };
        assert_eq!(placed.ticket.verify().unwrap().job, asked[at].job);
    }
    let Placement::Refused(no) = &answers[1] else {
        panic!("{answers:?}");
    };
    assert_eq!(no.code, ErrorCode::Busy);
    assert!(no.retry_after_ms.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_batch_and_one_that_is_too_long_are_refused() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    for count in [0, MAX_JOBS_A_CALL + 1] {
        let jobs = vec![place_job(b"a job"); count];
        let answer = ada.post(&world, 1, paths::JOBS, &PlaceJobs { jobs }).await;
        assert_eq!(answer.code(), "bad_request", "{count}");
    }
}
