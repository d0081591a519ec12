//! An image job: placed by the leader, done by the worker, for the ticket's bearer only.

use cameo_common::api::{ErrorCode, PlaceJob, Placed, TICKET_HEADER, paths};
use cameo_common::codec::{self, CodecKey, HideOptions};
use cameo_common::ids::{Hash, JobId};
use cameo_common::job::JobInput;
use cameo_dispatch::{Choice, Logged};
use data_encoding::BASE64URL_NOPAD;

use crate::http::{Answer, send};
use crate::person::{Person, random};
use crate::world::{World, until};

fn png_cover(payload: usize, options: &HideOptions) -> Vec<u8> {
    // A picture of one colour is a cover like any other.
    let preview = codec::Picture::new(64, 48, codec::Channels::Rgb, vec![90; 64 * 48 * 3]).unwrap();
    codec::png::write(&codec::default_cover(&preview, None, payload, options).unwrap())
}

async fn place(world: &World, node: u64, person: &Person, input: &[u8]) -> Placed {
    let request = PlaceJob {
        job: JobId(random()),
        input: Hash::of(input),
        size: input.len() as u64,
        exclude: vec![],
    };
    // A new leader knows its workers a heartbeat later.
    until("a worker", async || {
        let answer = person.post(world, node, paths::JOBS, &request).await;
        match answer.status {
            200 => Some(answer.read()),
            _ => {
                assert_eq!(answer.code(), "busy");
                None
            }
        }
    })
    .await
}

async fn run(world: &World, placed: &Placed, person: &Person, input: &[u8]) -> Answer {
    let call = person.header(person.call(world, "POST", paths::RUN_JOB, input));
    let ticket = (
        TICKET_HEADER,
        BASE64URL_NOPAD.encode(placed.ticket.as_bytes()),
    );
    send(&placed.url, "POST", paths::RUN_JOB, &[call, ticket], input).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_hides_the_payload_for_the_tickets_bearer() {
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let eve = Person::registered(&world, "eve").await;
    let payload = b"sealed bytes".repeat(500);
    let options = HideOptions::default();
    let cover = png_cover(payload.len(), &options);
    let key = || CodecKey::from_bytes([3; 32]);
    let job = JobInput {
        key: key(),
        options,
        cover: &cover,
        payload: &payload,
    };
    let input = job.encode();

    let placed = place(&world, 2, &ada, &input).await;
    assert_ne!(placed.worker, world.leader().await);
    assert_eq!(placed.url, world.url(placed.worker));

    // Somebody else's ticket, and another input than the ticket's.
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
    let elsewhere = Placed {
        url: world.url(placed.leader).to_owned(),
        ..placed.clone()
    };
    assert_eq!(
        run(&world, &elsewhere, &ada, &input).await.code(),
        "bad_ticket"
    );

    let done = run(&world, &placed, &ada, &input).await;
    assert_eq!(done.status, 200, "{}", String::from_utf8_lossy(&done.body));
    assert!(done.head.contains("content-type: image/png"));
    assert_eq!(codec::reveal(&done.body, &key()).unwrap(), payload);
    assert_eq!(world.status(placed.worker).await.jobs_finished, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_writes_down_what_it_decides_before_it_has_stopped() {
    // given
    let mut world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let placed = place(&world, 1, &ada, b"a job").await;
    // when
    world.stop(1).await;
    // then
    let log = std::fs::read_to_string(world.decisions(1)).unwrap();
    let lines: Vec<Logged> = log.lines().map(|l| Logged::of_line(l).unwrap()).collect();
    let last = lines.last().unwrap();
    assert_eq!(last.decision.choice, Choice::Worker(placed.worker));
    assert_eq!(last.leader, 1);
    assert!(lines.iter().all(|line| line.decision.replays()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_is_no_job_is_refused_by_its_worker() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let placed = place(&world, 1, &ada, b"no job at all").await;
    let answer = run(&world, &placed, &ada, b"no job at all").await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "bad_job"));
    let code = serde_json::from_value::<ErrorCode>(answer.json()["code"].clone()).unwrap();
    assert_eq!(code, ErrorCode::BadJob);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_tells_every_workers_load_in_its_metrics_and_others_their_own() {
    let world = World::new(3).await;
    let leader = world.leader().await;
    for id in 1..=3 {
        let text = until("metrics of reports from all", async || {
            let answer = send(world.url(id), "GET", paths::METRICS, &[], b"").await;
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
