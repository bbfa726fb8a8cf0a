//! The scripts that the server runs, and a batch of changes as calls of them.
//!
//! A script compares two records and keeps the newer one in a single step, so that no write of
//! another replica comes in between.

use ::redis::{Cmd, Pipeline, Script, cmd, pipe};

use super::names;
use crate::clock::Timestamp;
use crate::store::{Change, record};
use crate::target::Key;

macro_rules! script {
    ($file:literal) => {
        Script::new(concat!(include_str!("common.lua"), include_str!($file)))
    };
}

/// All scripts.
pub(super) struct Scripts {
    put: Script,
    remove: Script,
    pub(super) remember: Script,
    pub(super) forget: Script,
    pub(super) claim: Script,
    pub(super) release: Script,
    pub(super) in_use: Script,
    pub(super) checks: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            put: script!("put.lua"),
            remove: script!("remove.lua"),
            remember: script!("remember.lua"),
            forget: script!("forget.lua"),
            claim: script!("claim.lua"),
            release: script!("release.lua"),
            // These two scripts write nothing, and do not need the common functions.
            in_use: Script::new(include_str!("in_use.lua")),
            checks: Script::new(include_str!("checks.lua")),
        }
    }

    /// Returns one call for each change, in order. The batch also loads the scripts: they are small
    /// compared with a record, and the server may have lost them.
    pub(super) fn batch(&self, batch: &[Change], now: Timestamp) -> Pipeline {
        let mut calls = pipe();
        calls.load_script(&self.put).ignore().load_script(&self.remove).ignore();
        for change in batch {
            calls.add_command(self.change(change, now)).ignore();
        }
        calls
    }

    fn change(&self, change: &Change, now: Timestamp) -> Cmd {
        let (key, as_of, now) = (change.key(), change.as_of().as_millis(), now.as_millis());
        match (change, change.record()) {
            (Change::Put { entry, .. }, Some((record, keep_until))) => {
                on_document(&self.put, key, &[])
                    .arg(as_of)
                    .arg(entry.times.fetched_at.as_millis())
                    .arg(now)
                    .arg(keep_until.as_millis().saturating_sub(now))
                    .arg(record::BEGINNING)
                    .arg(record)
                    .take()
            }
            _ => on_document(&self.remove, key, &[names::lease(key)])
                .arg(as_of)
                .arg(now)
                .arg(record::BEGINNING)
                .take(),
        }
    }
}

/// Returns a call of a script. Its keys are those of the document, followed by `more`, and its
/// first argument is the digits of the document.
fn on_document(script: &Script, key: Key, more: &[String]) -> Cmd {
    let keys = [names::entry(key), names::check(key), names::ACTIVE.to_owned()];
    let mut call = cmd("EVALSHA");
    call.arg(script.get_hash()).arg(keys.len() + more.len()).arg(&keys).arg(more);
    call.arg(names::digits(key));
    call
}
