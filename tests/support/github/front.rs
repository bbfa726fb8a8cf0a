//! The API over plain HTTP, for clients that accept a base URL: they need no certificate, and no
//! name that leads here.
//!
//! The answers and the counts are those of the TLS side. A failure that damages the bytes of an
//! answer ends the connection here; only latency is kept.

use std::io;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::GitHub;
use super::backend::{Backend, Reply};
use super::failure::Failure;
use super::received::{self, Received};
use super::world::API_HOST;

/// A status and a JSON document that replace GitHub's answer.
pub type Instead = Option<(u16, String)>;

impl GitHub {
    /// Serves the API on a listener until the future is dropped. `instead` may answer first.
    pub async fn serve_plain(
        &self,
        listener: TcpListener,
        instead: impl Fn(&Received) -> Instead,
    ) -> ! {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                Ok((stream, _)) = listener.accept() => {
                    connections.push(self.converse(stream, &instead));
                }
                // An error concerns only the client, and ends its connection.
                Some(_) = connections.next() => {}
            }
        }
    }

    async fn converse(
        &self,
        stream: TcpStream,
        instead: impl Fn(&Received) -> Instead,
    ) -> io::Result<()> {
        let mut client = BufReader::new(stream);
        let mut backend = Backend::connect(*self._server.address()).await?;
        while let Some(mut request) = received::read(&mut client, None).await? {
            let last = request.wants_close();
            if let Some((status, json)) = instead(&request) {
                client.write_all(message(status, &json).as_bytes()).await?;
            } else {
                API_HOST.clone_into(&mut request.host);
                request.sni = Some(API_HOST.to_owned());
                let Some(reply) = self.reply(request, &mut backend).await? else { break };
                client.write_all(&[reply.head(), reply.body].concat()).await?;
            }
            client.flush().await?;
            if last {
                break;
            }
        }
        client.shutdown().await
    }

    /// Returns the reply to a request; `None` if the connection must end.
    async fn reply(&self, request: Received, backend: &mut Backend) -> io::Result<Option<Reply>> {
        let failure = {
            let mut world = self.world();
            world.journal.received(&request);
            world.next_failure(&request)
        };
        let failure = match failure {
            Some(Failure::Latency(pause)) => {
                tokio::time::sleep(pause).await;
                None
            }
            Some(fault) if fault.spoils_answers() => return Ok(None),
            failure => failure,
        };
        let method = request.method.clone();
        let number = self.world().hand_over(request, failure);
        backend.exchange(number, &method).await.map(Some)
    }
}

fn message(status: u16, json: &str) -> String {
    let length = json.len();
    format!(
        "HTTP/1.1 {status} Simulated\r\ncontent-type: application/json; charset=utf-8\r\n\
         content-length: {length}\r\n\r\n{json}"
    )
}
