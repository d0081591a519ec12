//! J1, J3 and J4.

use cameo_common::api::ErrorCode;

use super::story::{Refused, Story, Told, hash, observed};
use crate::history::{JobEnd, Tamper};
use crate::verdict::Law;

fn dispatch() -> Story {
    Story::of(&["dispatch"])
}

#[test]
fn an_accepted_job_ends_where_its_owner_sees_it() {
    for end in [JobEnd::Done, JobEnd::Failed] {
        dispatch().place("1", 1, 1).end_job("1", end).keeps(Law::J1);
    }
    for end in [JobEnd::Silent, JobEnd::Wrong] {
        dispatch()
            .place("1", 1, 1)
            .end_job("1", end)
            .breaks(Law::J1);
    }
    dispatch().place("1", 1, 1).leaves_open(Law::J1);
}

#[test]
fn one_input_gives_one_carrier() {
    let run = |carrier| Told::Ok(hash(carrier));
    let none = Tamper::None;
    dispatch()
        .place("1", 1, 1)
        .run("1", none, run(5))
        .run("2", none, run(5))
        .end_job("1", JobEnd::Done)
        .keeps(Law::J1);
    dispatch()
        .place("1", 1, 1)
        .run("1", none, run(5))
        .run("2", none, run(6))
        .breaks(Law::J1);
}

#[test]
fn a_wrong_ticket_is_refused() {
    for tamper in [
        Tamper::OtherWorker,
        Tamper::OtherClient,
        Tamper::OtherInput,
        Tamper::OldTerm,
    ] {
        dispatch()
            .run("1", tamper, Refused(ErrorCode::BadTicket))
            .keeps(Law::J3);
        dispatch()
            .run("1", tamper, Told::Ok(hash(5)))
            .breaks(Law::J3);
        // Too busy to look at it.
        dispatch()
            .run("1", tamper, Refused(ErrorCode::Busy))
            .leaves_open(Law::J3);
    }
    dispatch()
        .run("1", Tamper::Again, Told::Ok(hash(5)))
        .leaves_open(Law::J3);
}

#[test]
fn a_worker_takes_no_ticket_of_a_term_that_it_knows_to_be_over() {
    let run = Told::Ok(hash(5));
    dispatch()
        .observe(2, observed(1, 1, 1, 7))
        .run("1", Tamper::None, run)
        .leaves_open(Law::J3);
    let run = Told::Ok(hash(5));
    dispatch()
        .observe(2, observed(1, 2, 1, 7))
        .run("1", Tamper::None, run)
        .breaks(Law::J3);
    // Another node's term says nothing of the worker's.
    let run = Told::Ok(hash(5));
    dispatch()
        .observe(3, observed(1, 2, 1, 7))
        .run("1", Tamper::None, run)
        .leaves_open(Law::J3);
}

#[test]
fn jobs_drain_after_the_heal() {
    dispatch()
        .place("1", 1, 1)
        .heal()
        .wait(5)
        .end_job("1", JobEnd::Done)
        .keeps(Law::J4);
    dispatch()
        .place("1", 1, 1)
        .heal()
        .wait(90)
        .end_job("1", JobEnd::Done)
        .breaks(Law::J4);
    dispatch()
        .place("1", 1, 1)
        .heal()
        .wait(90)
        .end_job("2", JobEnd::Done)
        .breaks(Law::J4);
    dispatch()
        .place("1", 1, 1)
        .heal()
        .wait(5)
        .end_job("2", JobEnd::Done)
        .leaves_open(Law::J4);
    dispatch()
        .place("1", 1, 1)
        .end_job("1", JobEnd::Done)
        .leaves_open(Law::J4);
}

#[test]
fn a_node_keeps_nothing_for_clients_that_went_away() {
    let drained = |bytes| {
        let mut story = dispatch();
        story.place("1", 1, 1).end_job("1", JobEnd::Done).heal();
        story.held(2, bytes);
        story
    };
    drained(0).keeps(Law::J4);
    drained(700).breaks(Law::J4);
}
