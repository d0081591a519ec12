//! The server of one page: several connections at once, one request each.
//!
//! A file counts as received when all of its bytes have gone out to a GET and the browser has then
//! closed its side in order. A browser that closes with unread bytes resets the connection.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, sleep_until, timeout};

use super::content::Picture;
use super::page::{About, Page, Progress, router};
use crate::peer::places::{Place, Places};

/// Open connections; a further one takes the place of the oldest. A browser opens a few.
const MAX_CONNECTIONS: usize = 32;
/// A request's head must arrive within this time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time to send a file after its request.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A page that is being served, until dropped.
pub(super) struct Server {
    page: Arc<Page>,
    port: u16,
    serving: JoinHandle<()>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("port", &self.port).finish()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
        self.page.drop_photo();
    }
}

impl Server {
    /// Serves the photo on loopback, on a port of its own.
    pub async fn start(photo: Picture, about: About) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let page = Arc::new(Page::new(photo, about));
        let serving = tokio::spawn(serve(listener, Arc::clone(&page)));
        Ok(Self {
            page,
            port,
            serving,
        })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.page.path())
    }

    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.page.progress.subscribe()
    }

    pub fn has_photo(&self) -> bool {
        self.page.has_photo()
    }

    #[cfg(test)]
    pub fn page(&self) -> &Page {
        &self.page
    }
}

async fn serve(listener: TcpListener, page: Arc<Page>) {
    let router = router(Arc::clone(&page));
    let mut places = Places::new(MAX_CONNECTIONS);
    // Dropping the set ends the connections.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let connection = Connection { page: Arc::clone(&page), router: router.clone() };
                    connections.spawn(connection.serve(stream, places.take()));
                }
                Err(error) => {
                    tracing::debug!(%error, "the page does not accept");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = sleep_until(page.ends), if page.has_photo() => page.drop_photo(),
        }
    }
}

struct Connection {
    page: Arc<Page>,
    router: Router,
}

impl Connection {
    /// Answers one request, and notes what was received.
    async fn serve(self, stream: TcpStream, evicted: Place) {
        let sends = watch::Sender::new(false);
        let file = Mutex::new(None);
        let router = TowerToHyperService::new(self.router);
        let answer = service_fn(|request: Request<Incoming>| {
            let is_get = request.method() == Method::GET;
            let path = request.uri().path().to_owned();
            let answer = router.call(request);
            let (sends, file) = (&sends, &file);
            async move {
                let response = answer.await?;
                if is_get && response.status() == StatusCode::OK {
                    *file.lock() = Some(path);
                }
                sends.send_replace(true);
                Ok::<_, Infallible>(response)
            }
        });
        let answering = async {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer)
                .without_shutdown();
            match connection.await {
                Ok(parts) => is_received(parts.io.into_inner()).await,
                Err(_) => false,
            }
        };
        let mut begun = sends.subscribe();
        // What is sent is not evicted, and is bounded instead.
        let bound = async {
            let sending = async { begun.wait_for(|begun| *begun).await.is_ok() };
            tokio::select! {
                _ = evicted => {}
                _ = sending => sleep(SEND_TIMEOUT).await,
            }
        };
        let is_received = tokio::select! {
            is_received = answering => is_received,
            () = bound => false,
        };
        if let Some(path) = file.lock().take().filter(|_| is_received) {
            self.page.note_received(&path);
        }
    }
}

/// Whether the other side has taken all that was sent: it closes in order, not by a reset.
async fn is_received(mut stream: TcpStream) -> bool {
    if stream.shutdown().await.is_err() {
        return false;
    }
    let mut rest = [0; 1024];
    loop {
        match stream.read(&mut rest).await {
            Ok(0) => return matches!(stream.take_error(), Ok(None)),
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// Waits until a file beside the photo was received too, which a browser asks for at the same time.
pub(super) async fn linger(mut progress: watch::Receiver<Progress>, bound: Duration) {
    let complete = progress.wait_for(|progress| progress.is_complete());
    let _complete = timeout(bound, complete).await;
}
