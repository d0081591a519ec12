//! Attacks by peers that send or read as slowly as they may.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::super::ask::ACK_DEADLINE;
use super::super::serve::{MAX_ARRIVING_REQUESTS, REQUESTS_PER_DEVICE};
use super::super::transport::{CONNECT_DEADLINE, Exchange, Reader};
use super::*;

/// Opens a stream whose request never ends, and sends a byte of it every `pause`.
async fn trickle(from: &dyn PeerTransport, to: &PeerAddress, pause: Duration, all: &Barrier) {
    let mut exchange = from.connect(to, CONNECT_DEADLINE).await.unwrap();
    let mut bytes = framing::encode(&Question::Echo("x".repeat(60_000))).unwrap();
    let rest = bytes.split_off(1);
    exchange.writer.write_all(&bytes).await.unwrap();
    all.wait().await;
    for byte in rest.into_iter().take(10_000) {
        if exchange.writer.write_all(&[byte]).await.is_err() {
            return;
        }
        sleep(pause).await;
    }
}

async fn asker(pair: &Pair, seed: u8) -> Arc<dyn PeerTransport> {
    match &pair.network {
        Some(network) => network.bind([seed; 32]),
        None => listen(seed).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_slow_requests_of_many_devices_do_not_silence_an_agent() {
    for pair in Pair::both(Answering::default).await {
        // given as many slow requests as are served at once, by devices that nobody knows
        let all = Arc::new(Barrier::new(MAX_ARRIVING_REQUESTS + 1));
        let mut slow = JoinSet::new();
        for seed in 0..(MAX_ARRIVING_REQUESTS / REQUESTS_PER_DEVICE) as u8 {
            let device = asker(&pair, 10 + seed).await;
            for _ in 0..REQUESTS_PER_DEVICE {
                let (device, to, all) = (Arc::clone(&device), pair.address(), Arc::clone(&all));
                let pause = Duration::from_millis(50);
                slow.spawn(async move { trickle(&*device, &to, pause, &all).await });
            }
        }
        all.wait().await;
        // when they last, then others are answered
        for _ in 0..20 {
            let question = Question::Echo("here".into());
            let address = pair.address();
            let asked = ask::<_, Reply>(&*pair.asker, &address, &question, None, ACK_DEADLINE);
            let (reply, _) = asked.await.unwrap();
            assert_eq!(reply, Reply::Echo("here".into()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn attack_a_request_that_arrives_too_slowly_is_given_up() {
    let pair = Pair::memory(Answering::default()).await;
    let begun = Instant::now();
    let pause = Duration::from_millis(1_800);
    trickle(&*pair.asker, &pair.address(), pause, &Barrier::new(1)).await;
    assert!(begun.elapsed() < 2 * framing::ARRIVAL_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn attack_a_body_that_arrives_too_slowly_is_given_up() {
    // given a body of 640 KiB, of which a byte comes every 1.8 s
    let pair = Pair::memory(Answering::default()).await;
    let length = 640 << 10;
    let address = pair.address();
    let connecting = pair.asker.connect(&address, CONNECT_DEADLINE);
    let Exchange { reader, mut writer } = connecting.await.unwrap();
    let request = framing::encode(&Question::Hash(length)).unwrap();
    writer.write_all(&request).await.unwrap();
    let begun = Instant::now();
    let trickling = tokio::spawn(async move {
        while writer.write_all(&[7]).await.is_ok() {
            sleep(Duration::from_millis(1_800)).await;
        }
    });
    // then the handler gets no body, and says so, within the time for that length
    assert_eq!(reply(reader).await, Reply::No);
    assert!(begun.elapsed() < Duration::from_secs(30 + 20 + 2));
    trickling.abort();
}

#[tokio::test(start_paused = true)]
async fn attack_an_answer_that_is_read_too_slowly_is_given_up() {
    // given an answer of 8 MB, of which a byte is taken every 1.8 s
    let handler = Answering {
        content: content(BIG),
        ..Answering::default()
    };
    let pair = Pair::memory(handler).await;
    let address = pair.address();
    let connecting = pair.asker.connect(&address, CONNECT_DEADLINE);
    let mut exchange = connecting.await.unwrap();
    let request = framing::encode(&Question::Fetch { offset: 0 }).unwrap();
    exchange.writer.write_all(&request).await.unwrap();
    exchange.writer.shutdown().await.unwrap();
    // then the stream ends before the peer's patience does
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30 + 256 + 10) {
        sleep(Duration::from_millis(1_800)).await;
        exchange.reader.read_exact(&mut [0]).await.unwrap();
    }
    let mut rest = Vec::new();
    exchange.reader.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() < BIG);
}

async fn reply(mut reader: Reader) -> Reply {
    loop {
        match framing::read_frame(&mut reader).await.unwrap() {
            framing::Frame::Ping => {}
            framing::Frame::Message(bytes) => return framing::decode(&bytes).unwrap(),
        }
    }
}
