//! The command line.

use std::str::FromStr;
use std::time::Duration;

use crate::fleet;
use crate::flood;
use crate::freeze;
use crate::options::Options;
use crate::replicas;
use crate::scale;

/// The text for a command line without a run.
pub(crate) const HELP: &str = "\
chaos RUN [OPTION VALUE]...

Runs:
  freeze    hits and misses while Redis is frozen, against the same while it is not
              --rounds 5     --seconds 30   of each half of a round
  replicas  how often three replicas ask GitHub, against one alone
              --interval 1m  --keys 300     --minutes 1  intervals to measure
  restart   how often GitHub is asked after all replicas have started again
              --interval 1m  --keys 300

  flood     hits in a full cache while a million URLs are asked that nobody has asked for
              --urls 1000000 --connections 64  of each kind
              --l1-mib 1024  what L1 may hold

  scale     what a hit, an entry and a connection cost when there are many of them
              --only entries,memory,connections,idle,cores,cold,storm,stored,scan,bytes,sweep,requested,misses
              --entries 1,1000,10000,100000,1000000
              --rounds 20    --requests 200000  of each subject, over all rounds
              --l1-mib 256   what L1 may hold where twice as much is offered
              --connections 1,32,256,1024       busy ones
              --idle 10000   idle ones
              --crowd 10000  at once for one cold key
              --storm 1000   cold keys at once
              --stored 30000 documents in the store, asked for after a restart by
              --clients 1000 at once
              --hot 500      documents in use, in a full store beside
              --scan 25000   documents that are asked for once
              --bytes-stored 100000  documents in a store to which
              --written 30000 records are written one by one, and again as a storm
              --in-use 100000 documents in use beside sweeps
              --misses 20000 of an upstream that answers at once

All of them but flood and scale need redis-server.";

/// A run and its settings.
pub(crate) enum Run {
    /// Redis freezes.
    Freeze(freeze::Plan),
    /// Replicas share a store.
    Replicas(replicas::Plan),
    /// All replicas start again.
    Restart(fleet::Plan),
    /// Unknown URLs pour in.
    Flood(flood::Plan),
    /// There is much of everything.
    Scale(scale::Plan),
}

/// Reads the command line; nothing if it asks for nothing.
pub(crate) fn parse(words: &[String]) -> Result<Option<Run>, String> {
    let mut words = words.iter().map(String::as_str);
    let Some(run) = words.next() else { return Ok(None) };
    let mut options = Options::read(words)?;
    let run = match run {
        "freeze" => Run::Freeze(freeze::Plan {
            rounds: options.number("--rounds", 5)?,
            half: Duration::from_secs(options.number("--seconds", 30)?),
        }),
        "replicas" => Run::Replicas(replicas::Plan {
            fleet: options.fleet()?,
            intervals: options.number("--minutes", 1)?,
        }),
        "flood" => Run::Flood(flood::Plan {
            urls: options.number("--urls", 1_000_000)?,
            connections: options.number("--connections", 64)?,
            l1_mib: options.number("--l1-mib", 1024)?,
        }),
        "scale" => Run::Scale(options.scale()?),
        "restart" => Run::Restart(options.fleet()?),
        _ => return Err(format!("there is no run called {run}")),
    };
    options.are_used()?;
    Ok(Some(run))
}

impl Options<'_> {
    fn fleet(&mut self) -> Result<fleet::Plan, String> {
        let interval = match self.take("--interval") {
            Some(text) => {
                humantime::parse_duration(text).map_err(|error| format!("{text}: {error}"))?
            }
            None => Duration::from_secs(60),
        };
        Ok(fleet::Plan { keys: self.number("--keys", 300)?, interval })
    }

    fn scale(&mut self) -> Result<scale::Plan, String> {
        Ok(scale::Plan {
            parts: self.list("--only", &scale::Part::ALL)?,
            rounds: self.number("--rounds", 20)?,
            requests: self.number("--requests", 200_000)?,
            entries: self.list("--entries", &[1, 1_000, 10_000, 100_000, 1_000_000])?,
            l1_mib: self.number("--l1-mib", 256)?,
            connections: self.list("--connections", &[1, 32, 256, 1_024])?,
            idle: self.number("--idle", 10_000)?,
            crowd: self.number("--crowd", 10_000)?,
            storm: self.number("--storm", 1_000)?,
            stored: self.number("--stored", 30_000)?,
            clients: self.number("--clients", 1_000)?,
            hot: self.number("--hot", 500)?,
            scan: self.number("--scan", 25_000)?,
            bytes_stored: self.number("--bytes-stored", 100_000)?,
            written: self.number("--written", 30_000)?,
            in_use: self.number("--in-use", 100_000)?,
            misses: self.number("--misses", 20_000)?,
        })
    }

    /// The values behind a name, with commas between them.
    fn list<T: FromStr + Clone>(&mut self, name: &str, default: &[T]) -> Result<Vec<T>, String> {
        let Some(text) = self.take(name) else { return Ok(default.to_vec()) };
        let value = |word: &str| word.parse().map_err(|_| format!("{name}: not {word}"));
        text.split(',').map(value).collect()
    }
}
