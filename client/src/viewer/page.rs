//! The page of one photo: its words, its files, and who gets them.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use cameo_common::ids::{GrantId, Millis, UserName};
use data_encoding::HEXLOWER;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Instant;

use super::content::Picture;
use crate::clock;
use crate::output::moment;
use crate::text::prefix::short;
use crate::text::sanitize::sanitize;

/// How long a page has its photo.
pub const PAGE_LIFE: Duration = Duration::from_secs(10 * 60);
pub(super) const PHOTO_PATH: &str = "/photo";
pub(super) const STYLE_PATH: &str = "/page.css";
pub(super) const SCRIPT_PATH: &str = "/page.js";
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Random bytes in the name of the cookie: browsers send the cookies of one port to all.
const COOKIE_NAME_BYTES: usize = 4;

/// What the page says of the photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub grant: GrantId,
    pub owner: UserName,
    pub title: String,
    pub permitted: u32,
    pub left: u32,
    pub until: Option<Millis>,
}

/// How far a browser has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub is_opened: bool,
    /// It has received all bytes of the photo, and of the files beside it.
    pub has_photo: bool,
    pub has_style: bool,
    pub has_script: bool,
}

impl Progress {
    pub fn is_complete(self) -> bool {
        self.has_photo && self.has_style && self.has_script
    }
}

pub(super) struct Page {
    /// `None` once used.
    token: Mutex<Option<String>>,
    used_token: String,
    cookie: String,
    session: String,
    /// `None` once its time is over. Wiped with its last reader.
    photo: Mutex<Option<Bytes>>,
    media_type: &'static str,
    about: About,
    pub ends: Instant,
    pub progress: watch::Sender<Progress>,
}

impl Page {
    pub fn new(photo: Picture, about: About) -> Self {
        let token = HEXLOWER.encode(&clock::random::<32>());
        let name = HEXLOWER.encode(&clock::random::<COOKIE_NAME_BYTES>());
        Self {
            token: Mutex::new(Some(token.clone())),
            used_token: token,
            cookie: format!("cameo-{name}"),
            session: HEXLOWER.encode(&clock::random::<32>()),
            media_type: photo.media_type,
            photo: Mutex::new(Some(Bytes::from_owner(photo.bytes))),
            about,
            ends: Instant::now() + PAGE_LIFE,
            progress: watch::Sender::default(),
        }
    }

    /// The path that a browser is led to.
    pub fn path(&self) -> String {
        format!("/open/{}", self.used_token)
    }

    pub fn drop_photo(&self) {
        *self.photo.lock() = None;
    }

    pub fn has_photo(&self) -> bool {
        self.photo.lock().is_some()
    }

    /// Notes that a browser has received all of a file.
    pub fn note_received(&self, path: &str) {
        self.progress.send_modify(|progress| match path {
            PHOTO_PATH => progress.has_photo = true,
            STYLE_PATH => progress.has_style = true,
            SCRIPT_PATH => progress.has_script = true,
            _ => {}
        });
    }

    /// Whether the one browser that presented the token asks.
    fn is_ours(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter();
        cookies
            .filter_map(|value| value.to_str().ok())
            .flat_map(|cookies| cookies.split("; "))
            .filter_map(|cookie| cookie.strip_prefix(&self.cookie)?.strip_prefix('='))
            .any(|session| same(session, &self.session))
    }

    /// The page itself. The words of others are escaped.
    fn html(&self) -> String {
        let About {
            owner,
            title,
            permitted,
            left,
            until,
            grant,
        } = &self.about;
        let (title, grant) = (escaped(&sanitize(title)), short(grant));
        let until = until.map_or_else(String::new, |at| format!(", until {}", moment(at)));
        let seconds = self
            .ends
            .saturating_duration_since(Instant::now())
            .as_secs();
        let over = over(&grant);
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <title>{title} - a photo of {owner}'s - Cameo</title>\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <link rel=\"stylesheet\" href=\"{STYLE_PATH}\">\
             <script src=\"{SCRIPT_PATH}\" defer></script></head>\n\
             <body data-seconds=\"{seconds}\"><header><h1>{title}</h1>\
             <p>a photo of {owner}'s; {left} of {permitted} left{until}</p>\
             <div id=\"zoom\" role=\"group\" aria-label=\"Zoom\">\
             <button type=\"button\" id=\"smaller\" aria-label=\"Smaller\" \
             aria-keyshortcuts=\"-\">&minus;</button> \
             <button type=\"button\" id=\"fit\" aria-label=\"Fit the window\" \
             aria-keyshortcuts=\"0\">Fit</button> \
             <button type=\"button\" id=\"larger\" aria-label=\"Larger\" \
             aria-keyshortcuts=\"+\">+</button></div></header>\n\
             <main><img id=\"photo\" class=\"fits\" src=\"{PHOTO_PATH}\" tabindex=\"0\" \
             alt=\"{title}, a photo of {owner}'s\">\
             <p id=\"told\" role=\"status\" hidden data-over=\"{over}\" \
             data-failed=\"This browser did not get or cannot show the photo. If `cameo view` says \
             that the view can be resumed, run it again: it is not charged twice.\"></p>\
             </main></body></html>\n"
        )
    }
}

/// Words in place of a photo whose time is over.
fn over(grant: &str) -> String {
    format!(
        "The photo has been shown, and is not kept any longer. `cameo view {grant}` opens it \
         again, which uses another view."
    )
}

pub(super) fn router(page: Arc<Page>) -> Router {
    Router::new()
        .route("/open/{token}", get(open))
        .route(PHOTO_PATH, get(photo))
        .route(STYLE_PATH, get(style))
        .route(SCRIPT_PATH, get(script))
        .with_state(page)
}

/// Exchanges the token for the page and the cookie that the photo requires. The browser that has
/// the cookie gets the page again.
async fn open(
    State(page): State<Arc<Page>>,
    Path(given): Path<String>,
    headers: HeaderMap,
) -> Response {
    let is_link = same(&page.used_token, &given);
    let is_first = is_link && page.token.lock().take().is_some();
    if !is_link || !(is_first || page.is_ours(&headers)) {
        let words = "This page was shown already, or in another browser. Run `cameo view` again to \
                     open the photo.";
        return (StatusCode::GONE, words).into_response();
    }
    if !page.has_photo() {
        return (StatusCode::GONE, over(&short(&page.about.grant))).into_response();
    }
    page.progress
        .send_modify(|progress| progress.is_opened = true);
    let mut response = Html(page.html()).into_response();
    guard(response.headers_mut());
    let cookie = format!(
        "{}={}; HttpOnly; SameSite=Lax; Path=/; Max-Age={}",
        page.cookie,
        page.session,
        PAGE_LIFE.as_secs()
    );
    if let Ok(cookie) = cookie.parse() {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

async fn photo(State(page): State<Arc<Page>>, headers: HeaderMap) -> Response {
    if !page.is_ours(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let photo = page.photo.lock().clone();
    match photo {
        Some(photo) => file(photo, page.media_type),
        None => (StatusCode::GONE, over(&short(&page.about.grant))).into_response(),
    }
}

async fn style() -> Response {
    file(
        Bytes::from_static(STYLE.as_bytes()),
        "text/css; charset=utf-8",
    )
}

async fn script() -> Response {
    file(
        Bytes::from_static(SCRIPT.as_bytes()),
        "text/javascript; charset=utf-8",
    )
}

fn file(bytes: Bytes, media_type: &'static str) -> Response {
    let mut response = bytes.into_response();
    guard(response.headers_mut());
    let media_type = header::HeaderValue::from_static(media_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    response
}

fn guard(headers: &mut HeaderMap) {
    const RULES: [(&str, &str); 5] = [
        (
            "content-security-policy",
            "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    for (name, rule) in RULES {
        headers.insert(name, header::HeaderValue::from_static(rule));
    }
}

/// Compares in a time that does not depend on where two texts differ.
fn same(one: &str, other: &str) -> bool {
    blake3::hash(one.as_bytes()) == blake3::hash(other.as_bytes())
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
impl Page {
    /// The cookie of the one browser, as it sends it.
    pub fn browser_cookie(&self) -> String {
        format!("{}={}", self.cookie, self.session)
    }
}
