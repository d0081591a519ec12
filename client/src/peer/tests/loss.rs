//! Peers that disappear, that hold another key, and that refuse the device.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::ask::ACK_DEADLINE;
use super::super::framing::SILENCE_TIMEOUT;
use super::super::serve::REQUESTS_PER_DEVICE;
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_a_device_that_is_not_admitted_gets_a_rejection() {
    let handler = || Answering {
        reject: true,
        ..Answering::default()
    };
    for pair in Pair::both(handler).await {
        let answer = pair.ask(Question::Echo("let me in".into()), None).await;
        assert!(matches!(answer, Err(AskError::Rejected)), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_another_device_at_the_address_is_not_accepted_as_the_peer() {
    for pair in Pair::both(Answering::default).await {
        let someone_else = PeerAddress {
            device: match pair.network {
                Some(_) => [9; 32],
                None => listen(9).await.device(),
            },
            direct: pair.server.local_addresses(),
        };
        let question = Question::Echo("who are you".into());
        let answer =
            ask::<_, Reply>(&*pair.asker, &someone_else, &question, None, ACK_DEADLINE).await;
        assert!(matches!(answer, Err(AskError::WrongIdentity)), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_has_gone_is_unreachable_within_the_deadline() {
    for pair in Pair::both(Answering::default).await {
        let address = pair.address();
        pair.server.close().await;
        pair.serving.await.unwrap();
        drop(pair.server);
        let question = Question::Echo("anyone".into());
        let deadline = Duration::from_secs(1);
        let asked = ask::<_, Reply>(&*pair.asker, &address, &question, None, deadline).await;
        let error = asked.unwrap_err();
        assert!(matches!(error, AskError::Unreachable(_)), "{error:?}");
        assert!(error.is_offline());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_work_does_not_time_out() {
    for pair in Pair::both(Answering::default).await {
        let go_on = async {
            pair.handler.waiting.notified().await;
            // Not a synchronisation: the sleep is the duration of the work.
            tokio::time::sleep(SILENCE_TIMEOUT + SILENCE_TIMEOUT / 5).await;
            pair.handler.go_on.notify_one();
        };
        let (answer, ()) = tokio::join!(pair.ask(Question::Wait, None), go_on);
        assert_eq!(answer.unwrap().0, Reply::No);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_continues_after_the_requesting_peer_has_gone() {
    for pair in Pair::both(Answering::default).await {
        tokio::select! {
            biased;
            answer = pair.ask(Question::Wait, None) => panic!("{answer:?}"),
            () = pair.handler.waiting.notified() => {}
        }
        pair.handler.go_on.notify_one();
        tokio::time::timeout(Duration::from_secs(20), async {
            while !pair.handler.finished.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn a_device_killed_on_the_memory_network_is_noticed() {
    let pair = Pair::memory(Answering::default()).await;
    let kill = async {
        pair.handler.waiting.notified().await;
        let network = pair.network.as_ref().unwrap();
        network.kill(&pair.server.device());
    };
    let (answer, ()) = tokio::join!(pair.ask(Question::Wait, None), kill);
    assert!(matches!(answer, Err(AskError::Lost(_))), "{answer:?}");
}

const CHILD: &str = "CAMEO_TEST_PEER_CHILD";

/// Not a test of its own: the process that later tests kill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_serves_until_it_is_killed() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let pair = Pair::iroh(Answering::default()).await;
    let address = serde_json::to_string(&pair.address()).unwrap();
    println!("\naddress {address}");
    pair.handler.waiting.notified().await;
    println!("\nworking");
    std::io::stdout().flush().unwrap();
    pair.serving.await.unwrap();
}

struct Served {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: PeerAddress,
}

impl Served {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "--test-threads=1"])
            .arg("peer::tests::loss::child_that_serves_until_it_is_killed")
            .env(CHILD, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .find_map(|line| serde_json::from_str(line.unwrap().strip_prefix("address ")?).ok())
            .unwrap();
        Self {
            child,
            lines,
            address,
        }
    }

    fn kill(&mut self) -> Instant {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Instant::now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_is_noticed_while_it_owes_an_answer() {
    let mut served = Served::start();
    let address = served.address.clone();
    let asker = listen(1).await;
    let killing = tokio::task::spawn_blocking(move || {
        let working = |line: std::io::Result<String>| line.unwrap() == "working";
        assert!(served.lines.by_ref().any(working));
        served.kill()
    });
    let asked = ask::<_, Reply>(&*asker, &address, &Question::Wait, None, WORK_DEADLINE).await;
    let noticed = Instant::now();
    assert!(matches!(asked, Err(AskError::Lost(_))), "{asked:?}");
    let after = noticed.duration_since(killing.await.unwrap());
    println!("noticed {} ms after the kill", after.as_millis());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_is_reached_again_when_it_is_back_at_another_port() {
    let asker = listen(1).await;
    for life in 0..3 {
        let mut served = Served::start();
        let question = Question::Echo(format!("life {life}"));
        let begun = Instant::now();
        let asked = ask::<_, Reply>(&*asker, &served.address, &question, None, WORK_DEADLINE).await;
        println!("life {life}: {} ms", begun.elapsed().as_millis());
        let Question::Echo(text) = question else {
            unreachable!()
        };
        assert_eq!(asked.unwrap().0, Reply::Echo(text));
        served.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_one_device_cannot_take_all_slots() {
    for pair in Pair::both(Answering::default).await {
        let pair = Arc::new(pair);
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..REQUESTS_PER_DEVICE {
            let asking = Arc::clone(&pair);
            waiting.spawn(async move { asking.ask(Question::Wait, None).await });
            pair.handler.waiting.notified().await;
        }
        let one_more = pair.ask(Question::Wait, None).await.unwrap_err();
        assert!(matches!(one_more, AskError::Busy), "{one_more:?}");
        assert!(one_more.is_offline());
        for _ in 0..REQUESTS_PER_DEVICE {
            pair.handler.go_on.notify_one();
            waiting.join_next().await.unwrap().unwrap().unwrap();
        }
    }
}
