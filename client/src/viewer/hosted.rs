//! The pages that an agent serves for the commands of its home.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::timeout;

use super::content::Picture;
use super::page::About;
use super::serve::Server;
use super::steps::Steps;

/// Photos that an agent keeps at once.
pub const MAX_PHOTOS: usize = 8;
/// Bytes of photos that an agent keeps at once.
pub const MAX_TOTAL_BYTES: u64 = 256 << 20;
/// Pages that say that their photo has been shown; then the oldest makes room.
const MAX_ENDED: usize = 32;
/// Time for a command to hand over a photo.
pub const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(30);

/// See the module. Photos are wiped when their time is over.
#[derive(Debug, Clone, Default)]
pub struct HostedPages(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    /// Oldest first.
    served: Vec<Hosted>,
    /// Places and bytes of photos that are being handed over.
    reserved: Vec<u64>,
}

#[derive(Debug)]
struct Hosted {
    server: Server,
    bytes: u64,
}

/// Room for one photo, given back when dropped.
#[derive(Debug)]
pub struct Room {
    pages: HostedPages,
    bytes: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut pages = self.pages.0.lock();
        if let Some(at) = pages.reserved.iter().position(|bytes| *bytes == self.bytes) {
            pages.reserved.swap_remove(at);
        }
    }
}

/// A page that no browser has the photo of yet.
#[derive(Debug)]
pub struct NewPage {
    pub url: String,
    pub steps: Steps,
    pages: HostedPages,
}

impl NewPage {
    /// Ends a page that no browser has received.
    pub fn abandon(self) {
        let mut pages = self.pages.0.lock();
        pages
            .served
            .retain(|hosted| hosted.server.url() != self.url);
    }
}

impl HostedPages {
    /// Room for a photo of this size; `None` while there is none.
    #[must_use]
    pub fn reserve(&self, bytes: u64) -> Option<Room> {
        let mut pages = self.0.lock();
        let live = pages
            .served
            .iter()
            .filter(|hosted| hosted.server.has_photo());
        let kept: Vec<u64> = live
            .map(|hosted| hosted.bytes)
            .chain(pages.reserved.iter().copied())
            .collect();
        let total = kept
            .iter()
            .fold(bytes, |sum, more| sum.saturating_add(*more));
        if kept.len() >= MAX_PHOTOS || total > MAX_TOTAL_BYTES {
            return None;
        }
        pages.reserved.push(bytes);
        Some(Room {
            pages: self.clone(),
            bytes,
        })
    }

    /// Serves a photo in the room that was reserved for it.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn serve(
        &self,
        room: Room,
        photo: Picture,
        about: About,
    ) -> std::io::Result<NewPage> {
        let server = Server::start(photo, about).await?;
        let (url, steps) = (server.url(), Steps::of(server.progress()));
        let bytes = room.bytes;
        {
            let mut pages = self.0.lock();
            pages.served.push(Hosted { server, bytes });
            let ended = |hosted: &Hosted| !hosted.server.has_photo();
            while pages.served.iter().filter(|hosted| ended(hosted)).count() > MAX_ENDED
                && let Some(oldest) = pages.served.iter().position(ended)
            {
                pages.served.remove(oldest);
            }
        }
        drop(room);
        Ok(NewPage {
            url,
            steps,
            pages: self.clone(),
        })
    }
}

/// Reads a photo of a length that there is room for.
///
/// # Errors
/// When it does not arrive in time.
pub async fn read_photo(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    room: &Room,
) -> std::io::Result<zeroize::Zeroizing<Vec<u8>>> {
    use tokio::io::AsyncReadExt;
    let length = usize::try_from(room.bytes).map_err(std::io::Error::other)?;
    let mut photo = zeroize::Zeroizing::new(vec![0; length]);
    timeout(HAND_OVER_TIMEOUT, from.read_exact(&mut photo)).await??;
    Ok(photo)
}
