//! Pages and browsers that take all, a part or nothing of a photo.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use cameo_common::ids::GrantId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::*;

/// Larger than what sockets buffer.
const LARGE: usize = 16 << 20;
const SOON: Duration = Duration::from_secs(10);

fn about() -> About {
    About {
        grant: GrantId([0xab; 32]),
        owner: "ada".parse().unwrap(),
        title: "<b>sea</b>".to_owned(),
        permitted: 3,
        left: 2,
        until: None,
    }
}

fn picture(length: usize) -> Picture {
    Picture {
        bytes: Zeroizing::new(vec![7; length]),
        media_type: "image/png",
    }
}

async fn server(length: usize) -> (Server, SocketAddr) {
    let server = Server::start(picture(length), about()).await.unwrap();
    let url = server.url();
    let address = url.split('/').nth(2).unwrap().parse().unwrap();
    (server, address)
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn has_photo(server: &Server) -> bool {
    let mut progress = server.progress();
    let received = progress.wait_for(|progress| progress.has_photo);
    timeout(SOON, received).await.is_ok()
}

/// Sends a request's head and returns the connection.
async fn asked(server: &Server, address: SocketAddr, method: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "{method} /photo HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n",
        server.page().browser_cookie()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn attack_the_pages_token_works_once_and_the_photo_needs_its_cookie() {
    let (server, address) = server(5).await;
    let client = client();
    let get = async |path: &str, cookie: &str| {
        let request = client.get(format!("http://{address}{path}"));
        request.header("cookie", cookie).send().await.unwrap()
    };
    assert_eq!(get("/open/wrong", "").await.status(), 410);
    assert_eq!(get("/photo", "").await.status(), 403);
    assert_eq!(get("/photo", "cameo=guess").await.status(), 403);

    let link = server.page().path();
    let opened = get(&link, "").await;
    assert_eq!(opened.status(), 200);
    let set = opened.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"));
    let rule = opened.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    assert!(!rule.contains("unsafe"), "{rule}");
    // Another browser does not get it; this one does, as often as it asks.
    assert_eq!(get(&link, "").await.status(), 410);
    let cookie = set.split(';').next().unwrap();
    assert_eq!(get(&link, cookie).await.status(), 200);

    for _reload in 0..2 {
        let photo = get("/photo", cookie).await;
        assert_eq!(photo.headers()["content-type"], "image/png");
        assert_eq!(photo.headers()["x-content-type-options"], "nosniff");
        assert_eq!(photo.bytes().await.unwrap(), vec![7; 5]);
    }
    assert!(has_photo(&server).await);
}

#[tokio::test]
async fn a_page_says_whose_photo_it_is_and_how_many_views_are_left() {
    let (server, address) = server(5).await;
    let url = format!("http://{address}{}", server.page().path());
    let page = client()
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for part in [
        "<title>&lt;b&gt;sea&lt;/b&gt; - a photo of ada's - Cameo</title>",
        "2 of 3 left",
        "name=\"viewport\"",
        "lang=\"en\"",
        "alt=\"&lt;b&gt;sea&lt;/b&gt;, a photo of ada's\"",
        "data-seconds=\"",
        "The photo has been shown",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<b>"), "{page}");
    // The files beside it are what it names.
    for file in ["/page.css", "/page.js"] {
        assert!(page.contains(file));
        let got = client().get(format!("http://{address}{file}")).send().await;
        assert_eq!(got.unwrap().status(), 200);
    }
    let mut progress = server.progress();
    let beside = progress.wait_for(|progress| progress.has_style && progress.has_script);
    timeout(SOON, beside).await.unwrap().unwrap();
}

#[tokio::test]
async fn only_a_get_whose_body_was_taken_counts_as_seen() {
    let (server, address) = server(LARGE).await;
    // given a browser that asks for the head alone,
    let mut head = asked(&server, address, "HEAD").await;
    let mut answer = Vec::new();
    head.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    // one that closes before it has read anything,
    drop(asked(&server, address, "GET").await);
    // and one that closes in the middle
    let mut broken = asked(&server, address, "GET").await;
    broken.read_exact(&mut [0; 4096]).await.unwrap();
    drop(broken);
    // then nothing was seen; a whole one is
    let mut whole = asked(&server, address, "GET").await;
    let mut answer = Vec::new();
    assert!(!server.progress().borrow().has_photo);
    whole.read_to_end(&mut answer).await.unwrap();
    assert!(answer.len() > LARGE);
    assert!(!server.progress().borrow().has_photo);
    drop(whole);
    assert!(has_photo(&server).await);
}

#[tokio::test]
async fn a_small_photo_that_nobody_reads_is_not_seen() {
    // given a photo that fits into the buffers of the system
    let (server, address) = server(50_000).await;
    let unread = asked(&server, address, "GET").await;
    unread.readable().await.unwrap();
    // when the browser closes with unread bytes, which resets the connection
    drop(unread);
    // then the next one is the first that has seen it
    let mut whole = asked(&server, address, "GET").await;
    let mut answer = Vec::new();
    whole.read_to_end(&mut answer).await.unwrap();
    assert!(!server.progress().borrow().has_photo);
    drop(whole);
    assert!(has_photo(&server).await);
}

#[tokio::test]
async fn attack_half_a_request_does_not_stall_the_page() {
    // given a page, and more halves of requests than it has connections
    let (server, address) = server(4 << 20).await;
    let mut halves = Vec::new();
    for _ in 0..50 {
        let mut half = TcpStream::connect(address).await.unwrap();
        // It may be closed already.
        let _sent = half.write_all(b"GET /photo HTTP/1.1\r\nhos").await;
        halves.push(half);
    }
    // when a browser fetches the photo, then it gets all of it, though the halves are still there
    let request = client().get(format!("http://{address}/photo"));
    let cookie = server.page().browser_cookie();
    let got = request.header("cookie", cookie).send().await;
    assert_eq!(got.unwrap().bytes().await.unwrap(), vec![7; 4 << 20]);
    assert!(has_photo(&server).await);
    drop(halves);
}

#[tokio::test(start_paused = true)]
async fn a_page_loses_its_photo_after_its_time() {
    let (server, _) = server(5).await;
    assert!(server.has_photo());
    sleep(PAGE_LIFE + Duration::from_secs(1)).await;
    assert!(!server.has_photo());
}

#[tokio::test]
async fn an_agent_keeps_a_bounded_number_of_photos() {
    let pages = HostedPages::default();
    assert!(pages.reserve(hosted::MAX_TOTAL_BYTES + 1).is_none());
    let mut served = Vec::new();
    for _ in 0..hosted::MAX_PHOTOS {
        let room = pages.reserve(5).unwrap();
        served.push(pages.serve(room, picture(5), about()).await.unwrap());
    }
    // given no more room, then none is promised until a page has ended
    assert!(pages.reserve(5).is_none());
    served.remove(0).abandon();
    let room = pages.reserve(5).unwrap();
    assert!(pages.reserve(5).is_none());
    drop(room);
    assert!(pages.reserve(hosted::MAX_TOTAL_BYTES).is_none());
}

#[tokio::test]
async fn two_views_at_once_have_two_pages() {
    let pages = HostedPages::default();
    let mut urls = Vec::new();
    for _ in 0..2 {
        let room = pages.reserve(5).unwrap();
        urls.push(pages.serve(room, picture(5), about()).await.unwrap().url);
    }
    // then one browser has both, though cookies are shared by all ports
    let mut cookies = Vec::new();
    for url in &urls {
        let opened = client().get(url).header("cookie", cookies.join("; "));
        let opened = opened.send().await.unwrap();
        let set = opened.headers()["set-cookie"].to_str().unwrap();
        cookies.push(set.split(';').next().unwrap().to_owned());
    }
    for url in &urls {
        let reload = client().get(url).header("cookie", cookies.join("; "));
        assert_eq!(reload.send().await.unwrap().status(), 200);
    }
}
