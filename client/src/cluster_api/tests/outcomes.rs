//! Knowledge at the end of a call: refusals of one node, and nodes without a majority.

use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};

use cameo_common::api::{MAX_BODY, PlaceJob, Placed, PlacedJobs, Placement, paths};
use cameo_common::ids::JobId;
use cameo_common::statements::Ticket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::super::signed_call::Proof;
use super::*;

const DEADLINE: Duration = Duration::from_millis(1_200);

/// A client of three nodes, of which each answers a command like this.
async fn three(answers: [axum::routing::MethodRouter; 3]) -> ClusterApi {
    three_with(answers.map(|answer| Router::new().route("/v1/asked", answer))).await
}

/// A client of three nodes with these routes.
async fn three_with(all: [Router; 3]) -> ClusterApi {
    let (api, _) = nodes(&[(0, 0); 3]).await;
    let info = api.info().await.unwrap();
    let mut urls = Vec::new();
    for (number, routes) in (1_u64..).zip(all) {
        let told = info.clone();
        let routes = routes.route("/v1/cluster", get(move || ready(Json(told.clone()))));
        let port = MockPort::bind().await;
        urls.push(port.url.clone());
        port.serve(number, routes);
    }
    client_for(&info, urls, DEADLINE)
}

fn refusal(code: ErrorCode) -> Response {
    (StatusCode::BAD_REQUEST, Json(ApiError::new(code, "no"))).into_response()
}

fn refuses(code: ErrorCode) -> axum::routing::MethodRouter {
    post(move || ready(refusal(code)))
}

fn accepts() -> axum::routing::MethodRouter {
    post(|| ready(Json(true)))
}

#[tokio::test]
async fn attack_no_node_ends_a_call_alone_by_calling_it_wrong_or_too_much() {
    for code in [
        ErrorCode::BadRequest,
        ErrorCode::TooLarge,
        ErrorCode::LimitReached,
        ErrorCode::TooManyCalls,
        ErrorCode::NoSuchPath,
        ErrorCode::Busy,
        ErrorCode::BadTicket,
        ErrorCode::BadJob,
        ErrorCode::WorkerTooSmall,
    ] {
        // given one node that refuses a call, and others that carry it out
        let api = three([refuses(code), accepts(), accepts()]).await;
        // then it is carried out
        assert_eq!(ask(&api).await, Ok(true), "{code:?}");
        // and what all of them refuse is refused
        let api = three([refuses(code), refuses(code), refuses(code)]).await;
        assert_eq!(ask(&api).await.unwrap_err().code(), Some(code));
    }
}

/// A success whose body is no answer to the call.
fn babbles() -> axum::routing::MethodRouter {
    post(|| ready(Json("no answer to this")))
}

#[tokio::test]
async fn attack_no_node_ends_a_call_alone_by_a_success_that_cannot_be_read() {
    // given one node that answers 200 and nothing else, and others that carry the call out
    let api = three([babbles(), accepts(), accepts()]).await;
    // then it is carried out, and that node is not asked first the next time
    assert_eq!(ask(&api).await, Ok(true));
    let first = api.nodes().servers().remove(0);
    assert_ne!(first.key, node_key(1_u64).public());
    // and such a node does not confirm another one's refusal
    let api = three([refuses(ErrorCode::Forbidden), babbles(), accepts()]).await;
    assert_eq!(ask(&api).await, Ok(true));
    // and where no node answers as the protocol has it, that is said
    let api = three([babbles(), babbles(), babbles()]).await;
    let error = ask(&api).await.unwrap_err();
    assert!(matches!(error, ClusterError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn a_command_that_a_node_may_have_carried_out_is_not_called_undone() {
    // given a node whose success cannot be read, and others without a majority
    let no_majority = || refuses(ErrorCode::NoQuorum);
    let api = three([babbles(), no_majority(), no_majority()]).await;
    // then it is not said that nothing was done
    assert_eq!(ask(&api).await, Err(ClusterError::OutcomeUnknown));
}

#[tokio::test]
async fn what_every_node_would_refuse_for_its_size_is_sent_to_none() {
    let (api, calls) = nodes(&[(0, 0)]).await;
    let long = "a".repeat(MAX_BODY);
    let op = Op::EndSession { epoch: 1 };
    let refused = api
        .command::<_, bool>("/v1/asked".to_owned(), &long, op)
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::TooLarge));
    assert!(
        refused.to_string().contains("nothing was sent"),
        "{refused}"
    );
    assert!(calls.lock().is_empty());
}

#[tokio::test]
async fn without_a_majority_it_is_known_that_a_command_was_not_carried_out() {
    // given nodes that take a good part of the time to find that they have no majority
    let slowly = || {
        post(|| async {
            sleep(DEADLINE / 3).await;
            refusal(ErrorCode::NoQuorum)
        })
    };
    let api = three([slowly(), slowly(), slowly()]).await;
    // then no try is cut off whose outcome would be unknown
    assert_eq!(ask(&api).await, Err(ClusterError::NoQuorum));
}

#[tokio::test]
async fn a_node_that_was_removed_sends_its_caller_to_another() {
    // given two nodes that were removed, when a command is given, then the third carries it out
    let gone = || refuses(ErrorCode::NotServed);
    let api = three([gone(), gone(), accepts()]).await;
    assert_eq!(ask(&api).await, Ok(true));
    // and where all were, it is known that nothing was done
    let api = three([gone(), gone(), gone()]).await;
    assert_eq!(ask(&api).await, Err(ClusterError::NoQuorum));
}

#[tokio::test]
async fn nodes_that_cannot_serve_a_call_are_told_of_in_their_own_words() {
    // given three nodes that run, of which two are low on disk space, and one hears no majority
    let low = || {
        post(|| {
            let low = "this node is low on disk space\x1b[2J and takes no commands";
            let error = ApiError::new(ErrorCode::Unavailable, low);
            ready((StatusCode::SERVICE_UNAVAILABLE, Json(error)).into_response())
        })
    };
    let api = three([low(), low(), refuses(ErrorCode::NoQuorum)]).await;
    // when a command is given
    let error = ask(&api).await.unwrap_err();
    // then it was not carried out, and nobody is told to start nodes
    assert_eq!(error, ClusterError::NoQuorum);
    assert!(!error.to_string().contains("run"), "{error}");
    // and of each that was asked it is known what it has said, as plain text
    api.find_all_nodes().await;
    let servers = api.nodes().servers();
    for server in servers {
        let path = "/v1/asked".to_owned();
        let said = api.post_at::<_, bool>(&server, Proof::Tls, path, &()).await;
        assert!(said.is_err());
    }
    let whys = api.urls().into_iter();
    let mut whys: Vec<_> = whys.filter_map(|url| api.why_unanswered(&url)).collect();
    whys.sort();
    let low = "the node says: this node is low on disk space[2J and takes no commands";
    assert_eq!(whys, ["the node hears from no majority", low, low]);
}

#[tokio::test]
async fn an_outcome_that_is_unknown_is_not_called_undone() {
    // given nodes that take the command, and do not answer in time
    let never = || post(std::future::pending::<Response>);
    let api = three([never(), never(), never()]).await;
    let error = ask(&api).await.unwrap_err();
    assert_eq!(error, ClusterError::OutcomeUnknown);
    assert!(error.to_string().contains("may have been"), "{error}");
}

#[tokio::test]
async fn a_program_that_is_no_node_is_told_from_an_address_where_none_listens() {
    // given an address of a program that does not speak TLS, and one of none
    let foreign = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = foreign.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = foreign.accept().await.unwrap();
            // Read first, as a server does: closed with bytes unread, it would be a reset.
            let _hello = stream.read(&mut [0; 4096]).await;
            let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = closed.local_addr().unwrap();
    drop(closed);
    let (api, _) = nodes(&[(0, 0)]).await;
    let info = api.info().await.unwrap();
    let urls = [at, nobody].map(|address| format!("https://{address}"));
    // when a client calls
    let api = client_of(&info, urls.to_vec());
    let error = ask(&api).await.unwrap_err().to_string();
    // then the error says which is which
    assert!(
        error.contains(&format!("{at}: a program that is no node")),
        "{error}"
    );
    assert!(
        error.contains(&format!("{nobody}: no program listens")),
        "{error}"
    );
    // and where there are only other programs, they are not waited for
    let api = client_for(&info, urls[..1].to_vec(), Duration::from_secs(600));
    let error = ask(&api).await.unwrap_err();
    assert!(matches!(error, ClusterError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_call_that_takes_long_is_told_of_once_and_a_quick_one_is_not() {
    let (node, _) = nodes(&[(0, 0)]).await;
    let api = client_of(&node.info().await.unwrap(), Vec::new());
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = Arc::clone(&told);
    api.tell_when_slow(move |line| lines.lock().push(line.to_owned()));
    // given a quick call
    api.told_of(ready(())).await;
    assert!(told.lock().is_empty());
    // when calls take long, then the first is told of, with the addresses that do not answer
    api.note_unanswered(
        "https://n1",
        super::super::unanswered::Unanswered::NoProgram,
    );
    for _ in 0..2 {
        api.told_of(sleep(api.deadline() / 2)).await;
    }
    let told = told.lock();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("s more at most"), "{told:?}");
    assert!(told[0].contains("https://n1: no program listens there"));
}

/// A node that says this of the one job that it is to place.
fn places(said: Vec<Placement>) -> Router {
    let answer = move || ready(Json(PlacedJobs { jobs: said.clone() }));
    Router::new().route(paths::JOBS, post(answer))
}

/// A worker, by a ticket of the node of this key.
fn placed(seed: u64) -> Placement {
    let key = node_key(seed);
    let ticket = Ticket {
        leader: key.public(),
        cluster: ClusterId([0; 32]),
        job: JobId([1; 16]),
        client: PublicKey([7; 32]),
        input: Hash([1; 32]),
        size: 1,
        worker: NodeId(2),
        worker_key: key.public(),
        url: "https://worker".to_owned(),
        incarnation: 1,
        term: 1,
        not_after: Millis::MAX,
    };
    Placement::Placed(Placed {
        worker: NodeId(2),
        leader: NodeId(seed),
        expected_ms: 1,
        ticket: Signed::new(&key, ticket),
    })
}

#[tokio::test]
async fn attack_one_nodes_word_places_no_job_falsely_and_refuses_none() {
    let refused = |code| Placement::Refused(ApiError::new(code, "no"));
    for lie in [
        vec![refused(ErrorCode::Busy)],
        vec![refused(ErrorCode::GrantExists)],
        vec![placed(99)],
        vec![],
    ] {
        // given a node that is asked first and does not place a job by its 200, and others that do
        let honest = || places(vec![placed(2)]);
        let api = three_with([places(lie.clone()), honest(), honest()]).await;
        // when it is to be placed
        let found = api.place_job(&a_job(), None).await;
        // then it is by another node
        assert_eq!(found.unwrap().leader, NodeId(2), "{lie:?}");
    }
}

/// A job to be placed.
fn a_job() -> PlaceJob {
    PlaceJob {
        job: JobId([1; 16]),
        input: Hash([1; 32]),
        size: 1,
        exclude: Vec::new(),
    }
}

#[tokio::test]
async fn attack_a_second_nodes_word_fails_no_job_that_the_first_has_wait() {
    let refused = |code| Placement::Refused(ApiError::new(code, "no"));
    for lie in [refused(ErrorCode::GrantExists), placed(99)] {
        // given an honest node that has a job wait, and one that lies when it is asked next
        let busy = || places(vec![refused(ErrorCode::Busy)]);
        let api = three_with([busy(), places(vec![lie.clone()]), busy()]).await;
        // then the job waits
        let found = api.place_job(&a_job(), None).await;
        assert_eq!(found.unwrap_err().code(), Some(ErrorCode::Busy), "{lie:?}");
    }
}

#[tokio::test]
async fn attack_a_node_that_makes_tickets_up_is_not_asked_first_again() {
    // given a voter that places jobs by tickets of its own, and others that are honest
    let own = places(vec![placed(1)]);
    let api = three_with([own, places(vec![placed(2)]), places(vec![placed(3)])]).await;
    let found = api.place_job(&a_job(), None).await.unwrap();
    assert_eq!(found.leader, NodeId(1));
    // when the worker has failed
    api.ask_others_first(Some(NodeId(2))).await;
    // then the next ticket is neither that node's nor by way of the failed worker
    let found = api.place_job(&a_job(), None).await.unwrap();
    assert_eq!(found.leader, NodeId(3));
}

#[tokio::test]
async fn attack_a_node_that_keeps_its_descriptor_back_keeps_none_from_being_asked() {
    // given a node that answers which cluster it is of once, and then no more
    let (told, _) = nodes(&[(0, 0); 3]).await;
    let info = told.info().await.unwrap();
    let mut urls = Vec::new();
    for number in 1..=3_u64 {
        let (info, asked) = (info.clone(), Arc::new(AtomicUsize::new(0)));
        let cluster = get(move || {
            let again = asked.fetch_add(1, Ordering::SeqCst) > 0 && number == 1;
            let info = info.clone();
            async move {
                if again {
                    std::future::pending::<()>().await;
                }
                Json(info)
            }
        });
        let port = MockPort::bind().await;
        urls.push(port.url.clone());
        port.serve(number, Router::new().route("/v1/cluster", cluster));
    }
    let api = client_for(&info, urls, DEADLINE);
    api.info().await.unwrap();
    // then the word of each is asked for
    assert!(api.do_enough_say(|_| ready(true)).await);
    let all = api.each_says(|node| ready(Ok(node))).await;
    assert_eq!(all, [1, 2, 3].map(NodeId));
}

#[tokio::test]
async fn attack_a_refusal_that_no_other_node_gives_is_not_believed() {
    let (no, other) = (ErrorCode::Forbidden, ErrorCode::TooManyGrants);
    // given a node that refuses, one that refuses otherwise, and a third
    let api = three([refuses(no), refuses(other), refuses(no)]).await;
    assert_eq!(ask(&api).await.unwrap_err().code(), Some(no));
    let api = three([refuses(no), refuses(other), refuses(other)]).await;
    assert_eq!(ask(&api).await.unwrap_err().code(), Some(other));
    let api = three([refuses(no), refuses(other), accepts()]).await;
    assert_eq!(ask(&api).await, Ok(true));
    // and where no two agree, nothing is known
    let api = three([refuses(no), refuses(other), refuses(ErrorCode::NotFound)]).await;
    let error = ask(&api).await.unwrap_err();
    assert!(matches!(error, ClusterError::Unconfirmed(_)), "{error}");
}
