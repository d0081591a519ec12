//! Requests, bodies and transfers between healthy peers.

use tokio::io::AsyncWriteExt;

use super::super::ask::ACK_DEADLINE;
use super::super::framing::MESSAGE_LIMIT;
use super::super::transfer::CHUNK;
use super::super::transport::{CONNECT_DEADLINE, Refusal};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered() {
    for pair in Pair::both(Answering::default).await {
        for text in ["", "how do you do", &"x".repeat(60_000)] {
            let (reply, body) = pair.ask(Question::Echo(text.into()), None).await.unwrap();
            assert_eq!(reply, Reply::Echo(text.into()));
            assert!(body.is_none());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_bound_to_all_interfaces_publishes_loopback_only_if_configured() {
    let everywhere = |advertise_loopback, seed| {
        IrohTransport::bind(IrohBinding {
            seed: Zeroizing::new([seed; 32]),
            bind: Vec::new(),
            advertise_loopback,
        })
    };
    let quiet = everywhere(false, 3).await.unwrap();
    assert!(
        quiet
            .local_addresses()
            .iter()
            .all(|address| !address.ip().is_loopback())
    );
    let server = everywhere(true, 4).await.unwrap();
    let loopback: Vec<_> = server
        .local_addresses()
        .into_iter()
        .filter(|address| address.ip().is_loopback())
        .collect();
    assert_eq!(loopback.len(), 1);
    println!("{:?}", server.local_addresses());
    let pair = Pair::new(quiet, server, Answering::default(), None);
    let address = PeerAddress {
        device: pair.server.device(),
        direct: loopback,
    };
    let question = Question::Echo("here".into());
    let (reply, _) = ask::<_, Reply>(&*pair.asker, &address, &question, None, ACK_DEADLINE)
        .await
        .unwrap();
    assert_eq!(reply, Reply::Echo("here".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_are_transferred_in_both_directions() {
    let content = content(BIG);
    let handler = || Answering {
        content: content.clone(),
        ..Answering::default()
    };
    for pair in Pair::both(handler).await {
        let question = Question::Hash(BIG as u64);
        let (reply, _) = pair
            .ask(question, Some(Body::bytes(content.clone())))
            .await
            .unwrap();
        assert_eq!(reply, Reply::Hash(*blake3::hash(&content).as_bytes()));

        let directory = tempfile::tempdir().unwrap();
        let mut partial =
            Partial::open(directory.path(), Content::of(&content), BIG as u64).unwrap();
        let (_, body) = pair.ask(Question::Fetch { offset: 0 }, None).await.unwrap();
        let mut steps = Vec::new();
        let progress = |done| steps.push(done);
        partial.receive(body.unwrap(), progress).await.unwrap();
        let target = directory.path().join("carrier.png");
        partial.finish(target.clone()).await.unwrap();
        assert!(std::fs::read(target).unwrap() == content);
        assert_eq!(steps.len() as u64, BIG as u64 / CHUNK);
        assert_eq!(steps.last(), Some(&(BIG as u64)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_transfer_is_resumed_at_its_offset() {
    let content = content(BIG);
    let handler = || Answering {
        content: content.clone(),
        ..Answering::default()
    };
    for pair in Pair::both(handler).await {
        let directory = tempfile::tempdir().unwrap();
        let open = || Partial::open(directory.path(), Content::of(&content), BIG as u64).unwrap();
        let mut partial = open();
        let (_, body) = pair.ask(Question::Fetch { offset: 0 }, None).await.unwrap();
        // The receiver stops after two chunks, in the middle of the third.
        let (two, mut seen) = tokio::sync::watch::channel(0);
        let receiving = partial.receive(body.unwrap(), |done| two.send(done).unwrap());
        tokio::select! {
            biased;
            _ = seen.wait_for(|done| *done >= 2 * CHUNK) => {}
            _ = receiving => panic!("8 MB came in one step"),
        }
        drop(partial);

        let mut partial = open();
        let offset = partial.offset();
        assert!((2 * CHUNK..BIG as u64).contains(&offset), "offset {offset}");
        let (reply, body) = pair.ask(Question::Fetch { offset }, None).await.unwrap();
        let Reply::Content { body: sent, .. } = reply else {
            panic!("{reply:?}")
        };
        assert!(sent < BIG as u64);
        partial.receive(body.unwrap(), |_| {}).await.unwrap();
        let target = directory.path().join("carrier.png");
        partial.finish(target.clone()).await.unwrap();
        assert!(std::fs::read(target).unwrap() == content);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_may_arrive_before_the_whole_body_is_sent() {
    for pair in Pair::both(Answering::default).await {
        let length = 64 * BIG as u64;
        let endless = Body::reader(length, tokio::io::repeat(7));
        let (reply, _) = pair
            .ask(Question::Refuse(length), Some(endless))
            .await
            .unwrap();
        assert_eq!(reply, Reply::No);
    }
}

/// The refusal of a request that consists of these bytes.
async fn answer_to(pair: &Pair, bytes: &[u8]) -> Option<Refusal> {
    let mut exchange = pair
        .asker
        .connect(&pair.address(), CONNECT_DEADLINE)
        .await
        .unwrap();
    exchange.writer.write_all(bytes).await.unwrap();
    exchange.writer.shutdown().await.unwrap();
    match framing::read_frame(&mut exchange.reader).await {
        Err(FrameError::Io(error)) => Refusal::of(&error),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_malformed_frames_are_refused() {
    let good = framing::encode(&Question::Echo("ada".into())).unwrap();
    let mut trailing_in_stream = good.clone();
    trailing_in_stream.push(0);
    let mut trailing_in_frame = trailing_in_stream.clone();
    trailing_in_frame[0] += 1;
    let oversized = (MESSAGE_LIMIT as u32 + 1).to_le_bytes().to_vec();
    let unknown = vec![1, 0, 0, 0, 99];
    let ping = vec![0; 4];
    for pair in Pair::both(Answering::default).await {
        assert_eq!(answer_to(&pair, &good).await, None);
        for bad in [
            &trailing_in_stream,
            &trailing_in_frame,
            &oversized,
            &unknown,
            &ping,
        ] {
            let answer = answer_to(&pair, bad).await;
            assert_eq!(answer, Some(Refusal::Malformed), "{bad:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_goes_on_after_its_length_is_refused() {
    for pair in Pair::both(Answering::default).await {
        let mut bytes = framing::encode(&Question::Hash(3)).unwrap();
        bytes.extend(b"abcd");
        let mut exchange = pair
            .asker
            .connect(&pair.address(), CONNECT_DEADLINE)
            .await
            .unwrap();
        exchange.writer.write_all(&bytes).await.unwrap();
        exchange.writer.shutdown().await.unwrap();
        let reply = loop {
            match framing::read_frame(&mut exchange.reader).await.unwrap() {
                framing::Frame::Ping => {}
                framing::Frame::Message(bytes) => break framing::decode::<Reply>(&bytes).unwrap(),
            }
        };
        assert_eq!(reply, Reply::No);
    }
}
