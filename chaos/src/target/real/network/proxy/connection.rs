//! One proxied connection, from its opening to its end.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::sleep_until;

use super::link_state::{LinkState, Way};
use super::pipe::{Entry, Exit, queue};

/// Bytes of a packet that opens a connection.
const OPENING: usize = 60;

/// Carries both directions of a connection that was opened to a node until it has ended. It ends as
/// its two ends do: in order, or by a reset.
pub(super) async fn carry(link: &LinkState, mut dialed: TcpStream, to: SocketAddr) {
    // Else small writes would wait for each other; the nodes do it likewise.
    drop(dialed.set_nodelay(true));
    let ended = both_ways(link, &mut dialed, to).await;
    if ended.is_err() {
        reset(&dialed);
    }
}

async fn both_ways(link: &LinkState, dialed: &mut TcpStream, to: SocketAddr) -> io::Result<()> {
    let (asks, answered) = dialed.split();
    let (entry, exit) = queue();
    let (reads, has_read) = oneshot::channel::<()>();
    let reading = async {
        entry.read(link, Way::There, asks).await;
        drop(reads);
        Ok(())
    };
    let opened = async {
        tokio::select! {
            biased;
            () = may_open(link) => {}
            // Who gives up while the link is cut never reaches the node.
            _ = has_read => return Err(io::ErrorKind::ConnectionAborted.into()),
        }
        let mut node = TcpStream::connect(to).await?;
        drop(node.set_nodelay(true));
        let carried = to_the_node(link, exit, &mut node, answered).await;
        if carried.is_err() {
            reset(&node);
        }
        carried
    };
    tokio::try_join!(reading, opened).map(|_| ())
}

/// Until the link carries what opens a connection.
async fn may_open(link: &LinkState) {
    sleep_until(link.take(Way::There, OPENING)).await;
    link.carries().await;
}

async fn to_the_node(
    link: &LinkState,
    exit: Exit,
    node: &mut TcpStream,
    answered: tokio::net::tcp::WriteHalf<'_>,
) -> io::Result<()> {
    let (answers, asked) = node.split();
    let (back, back_exit): (Entry, Exit) = queue();
    let reading = async {
        back.read(link, Way::Back, answers).await;
        Ok(())
    };
    tokio::try_join!(
        exit.write(link, asked),
        reading,
        back_exit.write(link, answered)
    )?;
    Ok(())
}

/// The other end is to see a reset when this one is dropped.
fn reset(stream: &TcpStream) {
    // A stream that has ended already needs none.
    drop(stream.set_zero_linger());
}
