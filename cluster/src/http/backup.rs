//! Backups: the newest certified snapshot, for the operator alone.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use cameo_common::api::{ErrorCode, paths};
use futures_util::stream;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::{Instant, sleep_until};

use super::auth::BackupOrdered;
use super::{Api, Fault};
use crate::backup::TakeError;

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;
/// Most bytes a second: a backup leaves room for the log on disk and network.
const BYTES_A_SECOND: u64 = 64 << 20;

pub(super) fn routes() -> Router<Api> {
    Router::new().route(paths::BACKUP, post(backup))
}

async fn backup(
    State(api): State<Api>,
    BackupOrdered(order): BackupOrdered,
) -> Result<Response, Fault> {
    let (snapshot, turn) = api.backups.take(&order).await?;
    tracing::info!(
        index = snapshot.index,
        bytes = snapshot.len,
        "the operator takes a backup"
    );
    let began = Instant::now();
    let reading = Reading {
        bytes: snapshot.bytes,
        sent: 0,
        began,
        _turn: turn,
    };
    let body = Body::from_stream(stream::try_unfold(reading, Reading::next));
    Ok(([(header::CONTENT_LENGTH, snapshot.len)], body).into_response())
}

/// A snapshot on its way.
struct Reading<T> {
    bytes: Box<dyn AsyncRead + Send + Unpin>,
    sent: u64,
    began: Instant,
    _turn: T,
}

impl<T> Reading<T> {
    async fn next(mut self) -> std::io::Result<Option<(Bytes, Self)>> {
        let millis = self.sent.saturating_mul(1000) / BYTES_A_SECOND;
        sleep_until(self.began + std::time::Duration::from_millis(millis)).await;
        let mut piece = vec![0; PIECE];
        let read = self.bytes.read(&mut piece).await?;
        piece.truncate(read);
        self.sent += read as u64;
        Ok((read > 0).then(|| (piece.into(), self)))
    }
}

impl From<TakeError> for Fault {
    fn from(error: TakeError) -> Self {
        let code = match error {
            TakeError::Read(error) => return error.into(),
            TakeError::Busy => ErrorCode::Busy,
            TakeError::NoSnapshots
            | TakeError::NotSigned
            | TakeError::NoRoom(_)
            | TakeError::Restoring(_)
            | TakeError::Io(_) => ErrorCode::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}
