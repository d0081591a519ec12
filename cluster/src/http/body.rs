//! Reading bodies, paths and queries within their limits.

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

/// A JSON body has to be here within this time.
pub(super) const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// So long what is still coming is read after the answer was given.
const LINGER: Duration = Duration::from_secs(2);

/// Takes the rest of a body that nobody wants, for a while. The answer may go out meanwhile: a connection that is closed
/// on unread bytes is reset, and the client then sees that and not the reason.
pub(super) fn linger(body: Body) {
    tokio::spawn(tokio::time::timeout(LINGER, async {
        let mut rest = body.into_data_stream();
        while let Some(Ok(_)) = rest.next().await {}
    }));
}

/// Reads a body to its end, and hashes it as it comes.
pub(super) async fn read_hashed(
    body: Body,
    limit: usize,
    deadline: Duration,
) -> Result<(Bytes, Hash), Fault> {
    let told = body.size_hint().exact().unwrap_or(0);
    let room = usize::try_from(told).unwrap_or(usize::MAX).min(limit);
    in_time(deadline, read_to_end(body, room, limit)).await
}

/// [`read_hashed`] into exactly the memory that was counted for it.
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
        .map_err(|_| bad("the body came too slowly: send it again"))?
}

/// `room` bytes are made room for at once, so that nothing is copied as the body grows.
async fn read_to_end(body: Body, room: usize, limit: usize) -> Result<(Bytes, Hash), Fault> {
    let mut stream = body.into_data_stream();
    let (mut bytes, mut hasher) = (Vec::with_capacity(room), blake3::Hasher::new());
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

/// The one part of a path that a caller fills in, as the id that it is.
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

/// A query; unknown keys are refused by the type that it is read into.
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
    async fn an_input_is_read_and_hashed_as_it_comes_and_no_further_than_it_may_be() {
        let (bytes, hash) = read_input(in_pieces(&[b"in", b"", b"put"]), 5, BODY_DEADLINE)
            .await
            .unwrap();
        assert_eq!((&bytes[..], hash), (&b"input"[..], Hash::of(b"input")));
        let long = read_input(in_pieces(&[b"in", b"puts"]), 5, BODY_DEADLINE).await;
        assert_eq!(long.unwrap_err().error().code, ErrorCode::TooLarge);
    }

    #[tokio::test]
    async fn a_body_that_stays_away_is_not_waited_for() {
        let never = Body::from_stream(futures_util::stream::pending::<std::io::Result<Bytes>>());
        let late = read_input(never, 5, Duration::ZERO).await;
        assert_eq!(late.unwrap_err().error().code, ErrorCode::BadRequest);
    }
}
