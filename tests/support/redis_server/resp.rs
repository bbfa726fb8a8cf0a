//! One command and its reply in the protocol of Redis, without a client library.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The time limit, longer than any command of a test takes.
const LIMIT: Duration = Duration::from_secs(10);

/// A reply of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A word such as `OK`.
    Status(String),
    /// An error.
    Error(String),
    /// A number.
    Number(i64),
    /// A value.
    Text(Vec<u8>),
    /// Null.
    Nothing,
    /// Several replies.
    List(Vec<Self>),
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }
}

/// A connection for commands whose replies are not read.
#[derive(Debug)]
pub struct Session(TcpStream);

impl Session {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        TcpStream::connect_timeout(&address, LIMIT).map(Self)
    }

    /// Sends a command.
    #[track_caller]
    pub fn send<T: AsRef<[u8]>>(&mut self, arguments: &[T]) {
        send(&mut self.0, arguments).expect("an open connection");
    }
}

/// Runs a command on a new connection.
pub(super) fn command<T: AsRef<[u8]>>(
    address: SocketAddr,
    password: Option<&str>,
    arguments: &[T],
) -> io::Result<Reply> {
    let stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut stream = BufReader::new(stream);
    if let Some(password) = password {
        send(stream.get_mut(), &["AUTH", password])?;
        reply(&mut stream)?;
    }
    send(stream.get_mut(), arguments)?;
    reply(&mut stream)
}

fn send<T: AsRef<[u8]>>(stream: &mut TcpStream, arguments: &[T]) -> io::Result<()> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments.iter().map(AsRef::as_ref) {
        bytes.extend(format!("${}\r\n", argument.len()).bytes());
        bytes.extend(argument);
        bytes.extend(b"\r\n");
    }
    stream.write_all(&bytes)
}

fn reply(stream: &mut impl BufRead) -> io::Result<Reply> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let (kind, rest) = line.split_at_checked(1).ok_or(io::ErrorKind::InvalidData)?;
    let number = || rest.parse::<i64>().map_err(|_| io::Error::from(io::ErrorKind::InvalidData));
    match kind {
        "+" => Ok(Reply::Status(rest.to_owned())),
        "-" => Ok(Reply::Error(rest.to_owned())),
        ":" => Ok(Reply::Number(number()?)),
        "$" => text(stream, number()?),
        "*" => (0..number()?).map(|_| reply(stream)).collect::<io::Result<_>>().map(Reply::List),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Reads a text of this length, with its line end; a negative length stands for null.
fn text(stream: &mut impl Read, length: i64) -> io::Result<Reply> {
    let Ok(length) = usize::try_from(length) else { return Ok(Reply::Nothing) };
    let mut bytes = vec![0; length + 2];
    stream.read_exact(&mut bytes)?;
    bytes.truncate(length);
    Ok(Reply::Text(bytes))
}
