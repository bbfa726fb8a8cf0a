//! Failures below HTTP, applied to the bytes of a connection.
//!
//! A connection that is cut ends in good order for TLS: only the HTTP framing shows the client that
//! something is missing.

use std::io;

use http::HeaderValue;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::backend::Reply;
use super::failure::Failure;
use super::wire::drip;

/// The connection of a client.
pub type Client = BufReader<TlsStream<TcpStream>>;

/// The part of the answer that remains after a fault.
pub enum Left {
    /// Nothing; the connection ends.
    Nothing,
    /// The whole answer.
    Everything,
    /// The connection; another answer has been sent.
    Connection,
}

/// Applies a fault before the rules are asked.
pub async fn before(fault: Option<&Failure>, client: &mut Client) -> io::Result<Left> {
    match fault {
        Some(Failure::Latency(pause)) => tokio::time::sleep(*pause).await,
        Some(Failure::Hang) => {
            // Ends when the client gives up.
            tokio::io::copy(client, &mut tokio::io::sink()).await?;
            return Ok(Left::Nothing);
        }
        Some(Failure::Reset) => {
            client.get_ref().get_ref().0.set_zero_linger()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Some(Failure::CloseBeforeAnswer) => return Ok(Left::Nothing),
        Some(Failure::EndlessBody) => endless(client).await?,
        Some(Failure::Wire(wire)) => return wire.play(client).await,
        _ => {}
    }
    Ok(Left::Everything)
}

/// Sends the answer with the damage of the fault.
pub async fn send(
    fault: Option<&Failure>,
    mut reply: Reply,
    client: &mut Client,
) -> io::Result<Left> {
    let half = reply.body.len() / 2;
    let left = match fault {
        Some(Failure::Drip(pause)) => {
            client.write_all(&reply.head()).await?;
            drip(client, &reply.body, *pause).await?;
            Left::Everything
        }
        Some(Failure::CutBody) => {
            client.write_all(&[&reply.head(), &reply.body[..half]].concat()).await?;
            Left::Nothing
        }
        Some(Failure::CutChunked) => {
            reply.headers.remove("content-length");
            reply.headers.insert("transfer-encoding", HeaderValue::from_static("chunked"));
            client.write_all(&[reply.head(), chunk(&reply.body)].concat()).await?;
            Left::Nothing
        }
        Some(Failure::LyingLength) => {
            reply.headers.insert("content-length", HeaderValue::from(half));
            client.write_all(&[reply.head(), reply.body].concat()).await?;
            Left::Everything
        }
        _ => {
            if let Some(Failure::Coded(coding)) = fault {
                coding.recode(&mut reply);
            }
            client.write_all(&[reply.head(), reply.body].concat()).await?;
            Left::Everything
        }
    };
    client.flush().await?;
    Ok(left)
}

/// Writes until the client ends the connection, which is an error.
async fn endless(client: &mut Client) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write_all(head.as_bytes()).await?;
    client.write_all(&chunk(b"{\"tag_name\":\"")).await?;
    let more = chunk(&[b'v'; 16 * 1024]);
    loop {
        client.write_all(&more).await?;
        client.flush().await?;
    }
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
