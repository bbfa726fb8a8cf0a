//! The intakes of open connections, found by the addresses of both ends.
//!
//! The HTTP library reports the addresses of an answer's connection, but not the connection.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use http::Extensions;
use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use parking_lot::Mutex;

use super::Intake;

/// The intakes, by the addresses of their connections. Adding one removes those of closed
/// connections, so the open connections bound the map.
#[derive(Debug, Default)]
pub(crate) struct OpenIntakes(Mutex<HashMap<Ends, Weak<Intake>>>);

type Ends = (SocketAddr, SocketAddr);

impl OpenIntakes {
    /// Adds a connection that has been established.
    pub(crate) fn add(&self, connection: &impl Connection, intake: &Arc<Intake>) {
        let mut extensions = Extensions::new();
        connection.connected().get_extras(&mut extensions);
        let Some(ends) = ends(&extensions) else { return };
        let mut intakes = self.0.lock();
        intakes.retain(|_, intake| intake.strong_count() > 0);
        intakes.insert(ends, Arc::downgrade(intake));
    }

    /// Returns the intake of the connection on which an answer arrived.
    pub(crate) fn of(&self, answer: &Extensions) -> Option<Arc<Intake>> {
        self.0.lock().get(&ends(answer)?)?.upgrade()
    }
}

fn ends(extensions: &Extensions) -> Option<Ends> {
    let info = extensions.get::<HttpInfo>()?;
    Some((info.local_addr(), info.remote_addr()))
}
