//! Bodies, paths and queries of requests, within their limits.

use std::str::FromStr;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use cameo_common::api::ErrorCode;
use cameo_common::ids::Hash;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::{Api, Fault};

/// A JSON body must arrive within this time.
pub(super) const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// How long the rest of a body is read after an error was sent.
const LINGER: Duration = Duration::from_secs(2);

/// Reads and discards the rest of a body for a while, while the reply is sent. A connection that is
/// closed with unread bytes is reset, and the client would see the reset instead of the error.
pub(super) fn linger(body: Body) {
    tokio::spawn(tokio::time::timeout(LINGER, async {
        let mut rest = body.into_data_stream();
        while let Some(Ok(_)) = rest.next().await {}
    }));
}

/// Reads a body to its end, and hashes it.
pub(super) async fn read_hashed(
    body: Body,
    limit: usize,
    deadline: Duration,
) -> Result<(Bytes, Hash), Fault> {
    let announced = body.size_hint().exact().unwrap_or(0);
    let capacity = usize::try_from(announced).unwrap_or(usize::MAX).min(limit);
    in_time(deadline, read_to_end(body, capacity, limit)).await
}

/// [`read_hashed`] into exactly the memory that was reserved for it.
pub(super) async fn read_input(
    body: Body,
    size: u64,
    deadline: Duration,
) -> Result<(Bytes, Hash), Fault> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    in_time(deadline, read_to_end(body, size, size)).await
}

async fn in_time<T>(
    deadline: Duration,
    read: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::time::timeout(deadline, read)
        .await
        .map_err(|_| bad("the body did not arrive in time: send it again"))?
}

/// Allocates `capacity` bytes at once, so that the growing body is not copied.
async fn read_to_end(body: Body, capacity: usize, limit: usize) -> Result<(Bytes, Hash), Fault> {
    let mut stream = body.into_data_stream();
    let (mut bytes, mut hasher) = (Vec::with_capacity(capacity), blake3::Hasher::new());
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| bad("the body ended early: send it again"))?;
        if bytes.len() + chunk.len() > limit {
            let message =
                format!("the body is longer than the {limit} bytes that are allowed here");
            return Err(Fault::new(ErrorCode::TooLarge, message));
        }
        hasher.update(&chunk);
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes.into(), Hash(*hasher.finalize().as_bytes())))
}

fn bad(message: &str) -> Fault {
    Fault::new(ErrorCode::BadRequest, message)
}

/// The parameter of a path, parsed.
#[derive(Debug)]
pub(super) struct InPath<T>(pub T);

impl<T> FromRequestParts<Api> for InPath<T>
where
    T: FromStr + Send,
    T::Err: std::fmt::Display,
{
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Fault> {
        let wrong = |why: String| Fault::new(ErrorCode::BadRequest, format!("in the path: {why}"));
        let Path(text) = Path::<String>::from_request_parts(parts, api)
            .await
            .map_err(|error| wrong(error.body_text()))?;
        text.parse()
            .map(Self)
            .map_err(|error: T::Err| wrong(error.to_string()))
    }
}

/// A query, parsed. The type decides whether unknown keys are refused.
#[derive(Debug)]
pub(super) struct InQuery<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Api> for InQuery<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Fault> {
        Query::<T>::from_request_parts(parts, api)
            .await
            .map(|Query(query)| Self(query))
            .map_err(|error| {
                let message = format!("in the query: {}", error.body_text());
                Fault::new(ErrorCode::BadRequest, message)
            })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn in_pieces(pieces: &'static [&'static [u8]]) -> Body {
        let pieces = pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece));
        Body::from_stream(futures_util::stream::iter(pieces))
    }

    #[tokio::test]
    async fn an_input_is_hashed_and_refused_beyond_its_size() {
        let (bytes, hash) = read_input(in_pieces(&[b"in", b"", b"put"]), 5, BODY_DEADLINE)
            .await
            .unwrap();
        assert_eq!((&bytes[..], hash), (&b"input"[..], Hash::of(b"input")));
        let long = read_input(in_pieces(&[b"in", b"puts"]), 5, BODY_DEADLINE).await;
        assert_eq!(long.unwrap_err().error().code, ErrorCode::TooLarge);
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_times_out() {
        let never = Body::from_stream(futures_util::stream::pending::<std::io::Result<Bytes>>());
        let late = read_input(never, 5, Duration::ZERO).await;
        assert_eq!(late.unwrap_err().error().code, ErrorCode::BadRequest);
    }
}
