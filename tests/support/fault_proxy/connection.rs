//! One connection through the proxy.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Mode, Plan};

/// Serves a connection until one side or the plan ends it. Dropping this future resets the
/// connection.
pub(super) async fn serve(client: TcpStream, plans: watch::Receiver<Plan>) {
    // Unless a side closes the connection in order, its end is a reset for the peer.
    let _ = client.set_zero_linger();
    let _ = client.set_nodelay(true);
    let mut resets = plans.clone();
    tokio::select! {
        _ = resets.wait_for(|plan| matches!(plan.mode, Mode::Reset | Mode::Refuse)) => {}
        _ = forward(client, plans) => {}
    }
}

async fn forward(mut client: TcpStream, plans: watch::Receiver<Plan>) -> io::Result<()> {
    let Plan { mode, target } = *plans.borrow();
    if mode == Mode::BlackHole {
        return swallow(&mut client).await;
    }
    let server = TcpStream::connect(target).await?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        ended = requests(from_client, to_server, plans.clone()) => ended,
        ended = replies(from_server, to_client, plans) => ended,
    }
}

async fn requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    plans: watch::Receiver<Plan>,
) -> io::Result<()> {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let count = client.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        if plans.borrow().mode == Mode::BlackHole {
            return swallow(&mut client).await;
        }
        server.write_all(&bytes[..count]).await?;
    }
}

async fn replies(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    plans: watch::Receiver<Plan>,
) -> io::Result<()> {
    let mut bytes = vec![0; 64 << 10];
    let mut sent = 0;
    loop {
        let count = server.read(&mut bytes).await?;
        let mode = plans.borrow().mode;
        let reply = match mode {
            Mode::BlackHole => {
                // Not even the server's end of the connection passes.
                let _ = swallow(&mut server).await;
                return std::future::pending().await;
            }
            Mode::CutAfter(limit) => &bytes[..count.min(limit.saturating_sub(sent))],
            _ => &bytes[..count],
        };
        if let Mode::Delay(delay) = mode {
            sleep(delay).await;
        }
        client.write_all(reply).await?;
        sent += reply.len();
        let is_cut = matches!(mode, Mode::CutAfter(limit) if sent >= limit);
        if count == 0 || is_cut {
            return client.shutdown().await;
        }
    }
}

/// Reads to the end and discards the bytes.
async fn swallow(from: &mut (impl AsyncReadExt + Unpin)) -> io::Result<()> {
    tokio::io::copy(from, &mut tokio::io::sink()).await.map(drop)
}
