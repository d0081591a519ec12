//! A minimal HTTP client for what a node serves in the clear: one GET, one answer.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

/// No answer, or an unreadable one.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("{0} does not answer")]
    Silent(String),
    #[error("{address} gave an unreadable answer: {why}")]
    Unreadable { address: String, why: String },
}

/// Status and body of `GET http://ADDRESS/PATH`.
///
/// # Errors
/// When there is no answer in time, or it is not JSON.
pub async fn get_json(
    address: &str,
    path: &str,
    within: Duration,
) -> Result<(u16, Value), HttpError> {
    let (status, body) = get_text(address, path, within).await?;
    let body = serde_json::from_str(&body).map_err(|why| HttpError::Unreadable {
        address: address.to_owned(),
        why: why.to_string(),
    })?;
    Ok((status, body))
}

/// Reads text, with the status of the answer.
///
/// # Errors
/// When there is no answer in time, or it is no text.
pub async fn get_text(
    address: &str,
    path: &str,
    within: Duration,
) -> Result<(u16, String), HttpError> {
    let answer = tokio::time::timeout(within, ask(address, path))
        .await
        .map_err(|_| HttpError::Silent(address.to_owned()))?
        .map_err(|_| HttpError::Silent(address.to_owned()))?;
    let unreadable = |why: &str| HttpError::Unreadable {
        address: address.to_owned(),
        why: why.to_owned(),
    };
    let text = String::from_utf8(answer).map_err(|_| unreadable("not text"))?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or_else(|| unreadable("no body"))?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| unreadable("no status"))?;
    Ok((status, body.to_owned()))
}

async fn ask(address: &str, path: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    let request =
        format!("GET {path} HTTP/1.0\r\nhost: {address}\r\naccept: application/json\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}
