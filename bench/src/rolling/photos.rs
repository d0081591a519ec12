//! Photos that were prepared before the nodes are replaced, and are opened at the end.

use crate::clusters::ours::{Household, Patient, Photo};

/// The photos, all of one viewer.
#[derive(Debug)]
pub struct Photos {
    client: Patient,
    photos: Vec<Photo>,
}

/// How many were opened, and of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    pub opened: usize,
    pub of: usize,
}

impl Photos {
    /// Shares so many photos with the viewer of this number.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn share(household: &Household, viewer: usize, count: usize) -> anyhow::Result<Self> {
        let (person, mut client) = household.client(viewer)?;
        let mut photos = Vec::new();
        for _ in 0..count {
            photos.push(household.share(&person, &mut client).await?);
        }
        Ok(Self { client, photos })
    }

    /// Deals all of them to the present nodes, as their owner's client does.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn deal_again(&mut self) -> anyhow::Result<()> {
        for photo in &mut self.photos {
            photo.deal_again(&mut self.client).await?;
        }
        Ok(())
    }

    /// Opens each once more; a photo opens when the parts give its share.
    pub async fn open_all(&mut self) -> Opened {
        let mut opened = 0;
        for photo in &mut self.photos {
            let view = photo.view();
            match photo.open(&view, &mut self.client).await {
                Ok(()) => opened += 1,
                Err(error) => eprintln!("a photo does not open: {error:#}"),
            }
        }
        Opened {
            opened,
            of: self.photos.len(),
        }
    }
}
