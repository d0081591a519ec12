//! People by the thousand, each with a photo shared, made by the calls of clients.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;

use cameo_common::keys::SigningKey;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::net::TcpSocket;

use super::connection::Connection;
use super::grant::Grant;
use super::people::Person;
use super::{Ours, address};

/// People of one group. They come from one address of their own: a node lets no source register
/// more than some 250 at once.
pub const GROUP: u32 = 250;
/// Groups that are made at a time.
pub(super) const AT_A_TIME: usize = 32;

impl Ours {
    /// Makes groups of people, each of whom shares a photo with the next of the group.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn grow(&self, groups: Range<u32>) -> anyhow::Result<()> {
        stream::iter(groups)
            .map(|group| self.group(group))
            .buffer_unordered(AT_A_TIME)
            .try_for_each(async |()| Ok(()))
            .await
    }

    async fn group(&self, group: u32) -> anyhow::Result<()> {
        let people: Result<Vec<_>, _> = (0..GROUP)
            .map(|at| Ok::<_, anyhow::Error>(Person::new(format!("crowd-{group}-{at}").parse()?)))
            .collect();
        let people = people?;
        let node = address(&self.cluster, group as usize)?;
        let mut connection = Connection::open_from(source(group), &self.owner.device, node).await?;
        for person in &people {
            person.register(&mut connection, self.id).await?;
        }
        for (owner, viewer) in people.iter().zip(people.iter().cycle().skip(1)) {
            Grant::create(self.id, &self.descriptor, owner, viewer, &mut connection).await?;
        }
        Ok(())
    }
}

/// The loopback address of a group.
pub(super) fn source(group: u32) -> Ipv4Addr {
    let [_, high, middle, low] = (group + 1).to_be_bytes();
    Ipv4Addr::new(127, high.wrapping_add(1), middle, low)
}

impl Connection {
    /// As [`Connection::open`], from this address.
    pub(super) async fn open_from(
        source: Ipv4Addr,
        device: &SigningKey,
        to: SocketAddr,
    ) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Self::over(stream, device, to).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_group_has_an_address_of_its_own_on_this_machine() {
        let sources: BTreeSet<_> = (0..5_000).map(source).collect();
        assert_eq!(sources.len(), 5_000);
        assert!(sources.iter().all(|source| source.is_loopback()));
        assert!(!sources.contains(&Ipv4Addr::LOCALHOST));
    }
}
