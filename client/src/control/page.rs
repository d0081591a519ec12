//! A photo that a command hands over to the agent, which serves its page.
//!
//! The command sends the length and the words, the agent answers that it has room, the command
//! sends the bytes, and the agent answers with the page's address and then with each step.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::client::call;
use super::{ControlAction, ControlReply, Messages};
use crate::vault::Home;
use crate::viewer::{About, HostedPages, Picture, Step, read_photo, shown_type};

/// Bound on the agent's answers before the page.
const AGENT_TIMEOUT: Duration = Duration::from_secs(2);
/// Bound on handing a photo over.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(30);

/// A page that the agent serves. When it is dropped before a browser has the photo, the page ends.
#[derive(Debug)]
pub struct AgentPage {
    pub url: String,
    messages: Messages<UnixStream>,
}

impl AgentPage {
    /// The next step. An agent that stops ends the page. Cancel safe.
    pub async fn next(&mut self) -> Step {
        match self.messages.next().await {
            Ok(ControlReply::Page(step)) => step,
            _ => Step::NotOpened,
        }
    }
}

/// Has the agent of this home serve a photo. `None` when no agent runs, or it has no room.
pub async fn show(home: &Home, photo: &Picture, about: &About) -> Option<AgentPage> {
    let action = ControlAction::Show {
        about: about.clone(),
        media_type: photo.media_type.to_owned(),
        length: photo.bytes.len() as u64,
    };
    let asked = timeout(AGENT_TIMEOUT, call(home, action)).await;
    let Ok(Ok((stream, ControlReply::Room))) = asked else {
        return None;
    };
    let served = timeout(HAND_OVER_TIMEOUT, hand_over(stream, photo)).await;
    served.ok()?.ok()
}

async fn hand_over(mut stream: UnixStream, photo: &Picture) -> io::Result<AgentPage> {
    stream.write_all(&photo.bytes).await?;
    let mut messages = Messages::of(stream);
    match messages.next().await? {
        ControlReply::Serving { url } => Ok(AgentPage { url, messages }),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The agent's end: serves the photo, and tells the steps until a browser has it.
pub(super) async fn host(
    mut stream: UnixStream,
    pages: &HostedPages,
    about: About,
    media_type: &str,
    length: u64,
) -> io::Result<()> {
    let (Some(media_type), Some(room)) = (shown_type(media_type), pages.reserve(length)) else {
        return super::write(&mut stream, &ControlReply::NoRoom).await;
    };
    super::write(&mut stream, &ControlReply::Room).await?;
    let bytes = read_photo(&mut stream, &room).await?;
    let mut page = pages
        .serve(room, Picture { bytes, media_type }, about)
        .await?;
    let serving = ControlReply::Serving {
        url: page.url.clone(),
    };
    let (mut from_command, mut to_command) = stream.into_split();
    let told = async {
        super::write(&mut to_command, &serving).await?;
        loop {
            let step = page.steps.next().await;
            super::write(&mut to_command, &ControlReply::Page(step)).await?;
            match step {
                Step::Opened => {}
                Step::Received => return Ok(true),
                Step::NotOpened | Step::NotReceived => return Ok(false),
            }
        }
    };
    let mut byte = [0; 1];
    let is_received = tokio::select! {
        // A step that is due is told although the command has gone.
        biased;
        told = told => told,
        // The command sends nothing more: a read ends when it disconnects.
        _ = from_command.read(&mut byte) => Ok(false),
    };
    if !matches!(is_received, Ok(true)) {
        page.abandon();
    }
    is_received.map(drop)
}
