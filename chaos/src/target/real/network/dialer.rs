//! Connections to programs inside a namespace.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::namespace::{Namespace, NoNamespace};

type Asked = (SocketAddr, oneshot::Sender<io::Result<std::net::TcpStream>>);

/// Opens connections, from inside a namespace or from here. Clones share its thread.
#[derive(Debug, Clone)]
pub struct Dialer {
    /// None: from the namespace of this process.
    inside: Option<mpsc::UnboundedSender<Asked>>,
}

impl Dialer {
    /// From the namespace of this process.
    #[must_use]
    pub fn here() -> Self {
        Self { inside: None }
    }

    /// From inside a namespace: a socket belongs to where it was made, and can be used from here.
    ///
    /// # Errors
    /// When there is no thread in it.
    pub fn inside(namespace: &Namespace) -> Result<Self, NoNamespace> {
        let (ask, asked) = mpsc::unbounded_channel();
        let (entered, has_entered) = std::sync::mpsc::channel();
        let name = namespace.name().to_owned();
        let run = move || {
            let runtime = Namespace::enter(&name).and_then(|()| {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
            });
            match runtime {
                Ok(runtime) => {
                    // The one who waits for it is there until then.
                    drop(entered.send(Ok(())));
                    runtime.block_on(serve(asked));
                }
                Err(why) => drop(entered.send(Err(why))),
            }
        };
        std::thread::Builder::new()
            .name("chaos-dialer".to_owned())
            .spawn(run)
            .map_err(NoNamespace::new)?;
        let entered = has_entered.recv().map_err(NoNamespace::new)?;
        entered.map_err(NoNamespace::new)?;
        Ok(Self { inside: Some(ask) })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let Some(inside) = &self.inside else {
            return TcpStream::connect(to).await;
        };
        let gone = || io::Error::other("the namespace is gone");
        let (answer, answered) = oneshot::channel();
        inside.send((to, answer)).map_err(|_| gone())?;
        let stream = answered.await.map_err(|_| gone())??;
        TcpStream::from_std(stream)
    }
}

/// Until all dialers are dropped.
async fn serve(mut asked: mpsc::UnboundedReceiver<Asked>) {
    while let Some((to, answer)) = asked.recv().await {
        tokio::spawn(async move {
            let connected = TcpStream::connect(to).await.and_then(TcpStream::into_std);
            // Who asked may have stopped waiting.
            drop(answer.send(connected));
        });
    }
}
