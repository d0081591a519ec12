//! The page that shows one photo in the browser: served on loopback, behind a one-time token.
//!
//! The view is charged before the page exists; no request of a browser charges anything. The token
//! reaches the browser through a file that only this user can read, never through argv.

mod serve;

use std::path::{Path as FilePath, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use cameo_common::sealing::Opened;
use data_encoding::HEXLOWER;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::clock;
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::{IoError, Vault, VaultError};
use serve::{SEND_TIMEOUT, serve_once};

/// Bound on the wait for a browser to request the photo.
const FETCH_TIMEOUT: Duration = Duration::from_secs(120);
/// Cookie of the one browser that presented the token.
const COOKIE: &str = "cameo";
const PHOTO_PATH: &str = "/photo";
/// Folder of the files that redirect to pages.
const FOLDER: &str = "pages";

/// A photo that was not shown. The view can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum ViewerError {
    #[error(
        "no browser received the photo in time. The view is charged: run the command again \
         soon to resume it, it is not charged twice"
    )]
    NoBrowser,
    #[error(transparent)]
    Io(#[from] IoError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for ViewerError {
    fn kind(&self) -> ErrorKind {
        match self {
            ViewerError::NoBrowser => ErrorKind::Other,
            ViewerError::Io(error) => error.kind(),
            ViewerError::Vault(error) => error.kind(),
        }
    }
}

struct Page {
    /// `None` once used.
    token: Mutex<Option<String>>,
    session: String,
    photo: Bytes,
    media_type: &'static str,
}

/// Whether this session has a graphical display.
#[must_use]
pub fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Shows the photo in the user's browser. Returns when the browser has received it. `on_redirect`
/// gets the file that redirects to the page, where no browser can be started.
///
/// # Errors
/// When no browser requests it in time. The view can be resumed without a new charge.
pub async fn show(
    vault: &Vault,
    photo: &Opened,
    on_redirect: impl FnOnce(&FilePath),
) -> Result<(), ViewerError> {
    let token = HEXLOWER.encode(&clock::random::<32>());
    let page = Arc::new(Page {
        token: Mutex::new(Some(token.clone())),
        session: HEXLOWER.encode(&clock::random::<32>()),
        photo: Bytes::copy_from_slice(&photo.bytes),
        media_type: safe_type(&photo.info.media_type),
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(IoError)?;
    let port = listener.local_addr().map_err(IoError)?.port();
    let url = format!("http://127.0.0.1:{port}/open/{token}");
    let name = redirect_name(port);
    let redirect = write_redirect(vault, &name, &url)?;
    if !launch(&redirect) {
        on_redirect(&redirect);
    }
    let serving = serve_once(listener, router(page));
    let served = timeout(FETCH_TIMEOUT + SEND_TIMEOUT, serving).await;
    vault.delete_blob(FOLDER, &name)?;
    match served {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(ViewerError::NoBrowser),
    }
}

fn router(page: Arc<Page>) -> Router {
    Router::new()
        .route("/open/{token}", get(open))
        .route(PHOTO_PATH, get(photo))
        .with_state(page)
}

/// Exchanges the token for the page and the cookie that the photo requires.
async fn open(State(page): State<Arc<Page>>, Path(given): Path<String>) -> Response {
    let mut token = page.token.lock();
    let right = token.as_deref().is_some_and(|token| same(token, &given));
    if !right {
        return (
            StatusCode::GONE,
            "This page was shown already. Run `cameo view` again to open the photo.",
        )
            .into_response();
    }
    *token = None;
    let cookie = format!(
        "{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/",
        page.session
    );
    let mut response = Html(PAGE).into_response();
    guard(response.headers_mut());
    if let Ok(cookie) = cookie.parse() {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

const PAGE: &str = "<!doctype html><meta charset=utf-8><title>Cameo</title>\
<style>body{margin:0;background:#111;display:grid;place-items:center;min-height:100vh}\
img{max-width:100vw;max-height:100vh}</style>\
<img src=/photo alt=\"the photo\">";

async fn photo(State(page): State<Arc<Page>>, headers: HeaderMap) -> Response {
    let cookies = headers
        .get(header::COOKIE)
        .and_then(|value| value.to_str().ok());
    let ours = cookies
        .into_iter()
        .flat_map(|cookies| cookies.split("; "))
        .filter_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='))
        .any(|session| same(session, &page.session));
    if !ours {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut response = page.photo.clone().into_response();
    guard(response.headers_mut());
    if let Ok(media_type) = page.media_type.parse() {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, media_type);
    }
    response
}

fn guard(headers: &mut HeaderMap) {
    let rules = [
        (
            "content-security-policy",
            "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'",
        ),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    for (name, rule) in rules {
        if let Ok(rule) = rule.parse() {
            headers.insert(name, rule);
        }
    }
}

/// The media type that the browser is given: of known pictures only.
fn safe_type(claimed: &str) -> &'static str {
    const PICTURES: [&str; 6] = [
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/gif",
        "image/bmp",
        "image/tiff",
    ];
    PICTURES
        .into_iter()
        .find(|known| *known == claimed)
        .unwrap_or("application/octet-stream")
}

/// Compares in a time that does not depend on where two texts differ.
fn same(one: &str, other: &str) -> bool {
    blake3::hash(one.as_bytes()) == blake3::hash(other.as_bytes())
}

/// Each page has a port of its own, so one view never sends the browser to another's page.
fn redirect_name(port: u16) -> String {
    format!("open-{port}.html")
}

fn write_redirect(vault: &Vault, name: &str, url: &str) -> Result<PathBuf, VaultError> {
    let page = format!(
        "<!doctype html><meta charset=utf-8><meta name=referrer content=no-referrer>\
         <meta http-equiv=refresh content=\"0;url={url}\"><a href=\"{url}\">Open the photo</a>"
    );
    vault.put_blob(FOLDER, name, page.as_bytes())
}

/// Whether a browser has been started.
fn launch(page: &FilePath) -> bool {
    let started = std::process::Command::new("xdg-open")
        .arg(page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::SocketAddr;

    async fn serve() -> (SocketAddr, Arc<Page>) {
        let page = Arc::new(Page {
            token: Mutex::new(Some("right".into())),
            session: "secret".into(),
            photo: Bytes::from_static(b"photo"),
            media_type: safe_type("image/png"),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = router(Arc::clone(&page));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (address, page)
    }

    fn client() -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder().no_proxy().build().unwrap()
    }

    #[tokio::test]
    async fn attack_the_pages_token_works_once_and_the_photo_needs_its_cookie() {
        let (address, _page) = serve().await;
        let client = client();
        let get = async |path: &str, cookie: &str| {
            let request = client.get(format!("http://{address}{path}"));
            request.header("cookie", cookie).send().await.unwrap()
        };
        assert_eq!(get("/open/wrong", "").await.status(), 410);
        assert_eq!(get("/photo", "").await.status(), 403);
        assert_eq!(get("/photo", "cameo=guess").await.status(), 403);

        let opened = get("/open/right", "").await;
        assert_eq!(opened.status(), 200);
        let cookie = opened.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
        assert_eq!(get("/open/right", "").await.status(), 410);

        let photo = get("/photo", "cameo=secret").await;
        assert_eq!(photo.headers()["content-type"], "image/png");
        assert_eq!(photo.headers()["x-content-type-options"], "nosniff");
        assert_eq!(photo.bytes().await.unwrap(), "photo");
    }

    #[tokio::test]
    async fn attack_half_a_request_does_not_stall_the_page() {
        use tokio::io::AsyncWriteExt;
        // given a page, and more halves of requests than it has connections
        let photo = Bytes::from(vec![7; 4 << 20]);
        let page = Arc::new(Page {
            token: Mutex::new(Some("right".into())),
            session: "secret".into(),
            photo: photo.clone(),
            media_type: safe_type("image/png"),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let showing = tokio::spawn(serve_once(listener, router(page)));
        let mut halves = Vec::new();
        for _ in 0..50 {
            let mut half = tokio::net::TcpStream::connect(address).await.unwrap();
            // It may be closed already.
            let _sent = half.write_all(b"GET /photo HTTP/1.1\r\nhos").await;
            halves.push(half);
        }
        // when a browser fetches the photo, then it gets all of it, and the page has ended, though
        // the halves are still there
        let request = client().get(format!("http://{address}/photo"));
        let got = request.header("cookie", "cameo=secret").send().await;
        assert_eq!(got.unwrap().bytes().await.unwrap(), photo);
        let shown = timeout(Duration::from_secs(5), showing).await;
        shown.expect("the end of the page").unwrap().unwrap();
        drop(halves);
    }

    #[test]
    fn attack_two_views_at_once_do_not_share_a_redirect() {
        let folder = tempfile::tempdir().unwrap();
        let home = crate::vault::Home::at(folder.path()).unwrap();
        let passphrase = crate::vault::Passphrase::given("for a test");
        let vault = Vault::create(&home, &passphrase).unwrap();
        // given the pages of two photos at once
        let ports = [4001, 4002];
        let redirects = ports.map(|port| {
            let url = format!("http://127.0.0.1:{port}/open/token");
            (
                url.clone(),
                write_redirect(&vault, &redirect_name(port), &url).unwrap(),
            )
        });
        // then each file leads to its own
        for (url, path) in redirects {
            let page = std::fs::read_to_string(path).unwrap();
            assert!(page.contains(&url), "{page}");
        }
    }

    #[test]
    fn only_pictures_get_a_picture_s_media_type() {
        assert_eq!(safe_type("image/jpeg"), "image/jpeg");
        assert_eq!(safe_type("text/html"), "application/octet-stream");
        assert_eq!(safe_type("image/svg+xml"), "application/octet-stream");
    }
}
