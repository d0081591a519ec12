//! The server of one photo: several connections at once, until one of them has sent the photo.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::PHOTO_PATH;
use crate::peer::places::{Place, Places};

/// Open connections; a further one takes the place of the oldest. A browser opens a few.
const MAX_CONNECTIONS: usize = 32;
/// A request's head must arrive within this time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time to send the photo after its request.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves until a connection has sent the photo. Other connections, whatever they wait for, end
/// with it.
///
/// # Errors
/// When the system accepts no connections, or the browser does not take the photo in time.
pub(super) async fn serve_once(listener: TcpListener, router: Router) -> io::Result<()> {
    let (asked, mut was_asked) = watch::channel(false);
    let asked = Arc::new(asked);
    let mut places = Places::new(MAX_CONNECTIONS);
    // Dropping the set ends the connections.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let (router, asked) = (router.clone(), Arc::clone(&asked));
                connections.spawn(serve_one(stream, places.take(), router, asked));
            }
            Some(ended) = connections.join_next() => if let Ok(Outcome::Sent) = ended {
                return Ok(());
            },
            _ = was_asked.wait_for(|asked| *asked) => break,
        }
    }
    let sent = async {
        while let Some(ended) = connections.join_next().await {
            if let Ok(Outcome::Sent) = ended {
                return Ok(());
            }
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    };
    timeout(SEND_TIMEOUT, sent).await?
}

/// What a connection has done when it ends.
enum Outcome {
    /// Sent the photo.
    Sent,
    Nothing,
}

async fn serve_one(
    stream: TcpStream,
    evicted: Place,
    router: Router,
    asked: Arc<watch::Sender<bool>>,
) -> Outcome {
    let router = TowerToHyperService::new(router);
    let sends = AtomicBool::new(false);
    let answer = service_fn(|request: Request<Incoming>| {
        let photo = request.uri().path() == PHOTO_PATH;
        let answer = router.call(request);
        let (sends, asked) = (&sends, &asked);
        async move {
            let response = answer.await?;
            if photo && response.status() == StatusCode::OK {
                sends.store(true, Ordering::SeqCst);
                asked.send_replace(true);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), answer);
    let mut serving = pin!(serving);
    let mut ask = asked.subscribe();
    let served = tokio::select! {
        served = serving.as_mut() => Some(served),
        _ = evicted => return Outcome::Nothing,
        // This one too: it is not evicted while it sends.
        _ = ask.wait_for(|asked| *asked) => None,
    };
    let served = match served {
        Some(served) => served,
        None if sends.load(Ordering::SeqCst) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
        None => return Outcome::Nothing,
    };
    match served {
        Ok(()) if sends.load(Ordering::SeqCst) => Outcome::Sent,
        _ => Outcome::Nothing,
    }
}
