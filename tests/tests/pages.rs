//! The page of an opened photo: what counts as seen, who keeps it, and browsers that fail.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use cameo_harness::{Person, until};
use cameo_tests::{PHOTOS, World, grant_row, photo, share};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const SOON: Duration = Duration::from_secs(20);
/// The view's own bound, and some time for the rest.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// A stand-in for `xdg-open`, in a folder of its own: a shell script.
fn opener(folder: &Path, script: &str) {
    let path = folder.join("xdg-open");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A `view` at a display whose browser is the stand-in of this folder.
fn view(person: &Person, grant: &str, folder: &Path) -> Child {
    let path = std::env::var("PATH").unwrap();
    let mut command: Command = person.command(&["view", grant, "--yes", "--json"]);
    command
        .env("DISPLAY", ":99")
        .env("XDG_RUNTIME_DIR", folder)
        .env("PATH", format!("{}:{path}", folder.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// The address in a file that redirects to a page.
fn link(redirect: &str) -> String {
    let (_, after) = redirect.split_once("url=").unwrap();
    after.split('"').next().unwrap().to_owned()
}

/// The address that the stand-in was given, once.
async fn led_to(folder: &Path) -> String {
    let lead = folder.join("lead");
    let redirect = until("a page", SOON, async || std::fs::read_to_string(&lead).ok());
    let redirect = redirect.await.unwrap();
    std::fs::remove_file(&lead).unwrap();
    link(&redirect)
}

/// A connection on which this was asked of a page.
async fn ask(url: &str, method: &str, path: Option<&str>, cookie: &str) -> TcpStream {
    let (address, page) = url["http://".len()..].split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let path = path.map_or_else(|| format!("/{page}"), str::to_owned);
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// An answer's head, lower case, and its body.
async fn answer(mut stream: TcpStream) -> (String, Vec<u8>) {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    let end = all
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .unwrap();
    let body = all.split_off(end + 4);
    (String::from_utf8(all).unwrap().to_lowercase(), body)
}

/// Opens a page, and returns the cookie that it gives.
async fn open(url: &str) -> String {
    let (head, page) = answer(ask(url, "GET", None, "").await).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(
        String::from_utf8(page)
            .unwrap()
            .contains("a photo of ada's")
    );
    let (_, cookie) = head.split_once("set-cookie: ").unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn ended(view: Child) -> (Output, Value) {
    let output = tokio::time::timeout(ENDS_WITHIN, view.wait_with_output()).await;
    let output = output.unwrap().unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap();
    (output, json)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_browser_that_takes_the_whole_photo_uses_a_view_up() {
    // Given Ben with a photo, and a browser that the test plays
    let world = World::new(1).await.unwrap();
    let ada = world.person("ada").await.unwrap();
    let mut ben = world.person("ben").await.unwrap();
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"]).await;
    let grant = shared.unwrap().grant;
    let folder = world.folder().join("browser");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    opener(
        &folder,
        "d=${0%/*}; cp \"$1\" \"$d/.lead\"; mv \"$d/.lead\" \"$d/lead\"",
    );
    // when it asks for the head alone, and breaks off where it asks for the photo,
    let viewing = view(&ben, &grant, &folder);
    let url = led_to(&folder).await;
    let cookie = open(&url).await;
    let (head, _) = answer(ask(&url, "HEAD", Some("/photo"), &cookie).await).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let mut broken = ask(&url, "GET", Some("/photo"), &cookie).await;
    broken.read_exact(&mut [0; 100]).await.unwrap();
    drop(broken);
    // then the view says that it can be resumed, and the next one resumes it
    let (output, refused) = ended(viewing).await;
    assert!(!output.status.success());
    assert_eq!(refused["error"]["code"], "not_shown", "{refused}");
    let viewing = view(&ben, &grant, &folder);
    let url = led_to(&folder).await;
    let cookie = open(&url).await;
    let original = std::fs::read(photo(PHOTOS[0])).unwrap();
    let (_, shown) = answer(ask(&url, "GET", Some("/photo"), &cookie).await).await;
    assert!(shown == original);
    let (output, seen) = ended(viewing).await;
    assert!(output.status.success(), "{seen}");
    assert_eq!(
        (&seen["number"], &seen["resumed"]),
        (&1.into(), &true.into())
    );
    // and its page is there for a reload, which charges nothing, as long as the agent is
    assert_eq!(seen["reloads"], true);
    let (head, _) = answer(ask(&url, "GET", None, &cookie).await).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let (_, again) = answer(ask(&url, "GET", Some("/photo"), &cookie).await).await;
    assert!(again == original);
    let row = grant_row(&ben, "inbox", &grant).await.unwrap();
    assert_eq!(row["used"], 1);
    ben.stop_agent().await.unwrap();
    let address = url["http://".len()..].split('/').next().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_does_not_start_is_told_with_the_path_of_the_page() {
    // Given a display without a browser, and no agent
    let world = World::new(1).await.unwrap();
    let ada = world.person("ada").await.unwrap();
    let mut ben = world.person("ben").await.unwrap();
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"]).await;
    let grant = shared.unwrap().grant;
    ben.stop_agent().await.unwrap();
    let folder = world.folder().join("browser");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    opener(&folder, "exit 3");
    // when a photo is viewed, then it is told at once where the page is
    let mut viewing = view(&ben, &grant, &folder);
    let mut told = BufReader::new(viewing.stderr.take().unwrap()).lines();
    let path = async {
        loop {
            let line = told.next_line().await.unwrap().unwrap();
            if let Some((_, file)) = line.split_once("Open this file in your browser: ") {
                assert!(line.contains("No browser was started"), "{line}");
                return file.split(". A browser").next().unwrap().to_owned();
            }
        }
    };
    let path = tokio::time::timeout(SOON, path).await.unwrap();
    assert!(Path::new(&path).starts_with(&folder));
    // and a browser that opens it by hand shows the photo
    let url = link(&std::fs::read_to_string(&path).unwrap());
    let cookie = open(&url).await;
    let (_, shown) = answer(ask(&url, "GET", Some("/photo"), &cookie).await).await;
    assert!(shown == std::fs::read(photo(PHOTOS[0])).unwrap());
    let (output, seen) = ended(viewing).await;
    assert!(output.status.success(), "{seen}");
    assert_eq!(seen["reloads"], false);
    assert!(!Path::new(&path).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_browser_shows_is_refused_before_a_view_is_used() {
    // Given a file that no browser shows, with terms that permit to save it
    let world = World::new(1).await.unwrap();
    let ada = world.person("ada").await.unwrap();
    let ben = world.person("ben").await.unwrap();
    let file = world.folder().join("scan.bin");
    std::fs::write(&file, b"neither a picture nor a page").unwrap();
    let preview = photo(PHOTOS[0]).display().to_string();
    let options = ["--preview", &preview, "--views", "1", "--may-save"];
    let shared = share(&ada, &ben, &file, &options).await.unwrap();
    // when it is viewed at a display, then nothing was used
    let folder = world.folder().join("browser");
    std::fs::create_dir(&folder).unwrap();
    opener(&folder, "exit 3");
    let (output, refused) = ended(view(&ben, &shared.grant, &folder)).await;
    assert!(!output.status.success());
    assert_eq!(refused["error"]["code"], "shown_nowhere", "{refused}");
    let row = grant_row(&ben, "inbox", &shared.grant).await.unwrap();
    assert_eq!(row["used"], 0);
    // and it can be saved
    let saved = world.folder().join("saved.bin").display().to_string();
    let viewed = ben.ok(&["view", &shared.grant, "--save", &saved]).await;
    viewed.unwrap();
    assert_eq!(std::fs::read(saved).unwrap(), std::fs::read(file).unwrap());
}
