//! The intakes of the connections that are open, found by the addresses of both ends.
//!
//! The HTTP library does not say on which connection an answer came, but its addresses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use http::Extensions;
use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use parking_lot::Mutex;

use super::Intake;

/// Bounded by the connections: those that have ended are removed when the next one begins.
#[derive(Debug, Default)]
pub(crate) struct OpenIntakes(Mutex<HashMap<Ends, Weak<Intake>>>);

type Ends = (SocketAddr, SocketAddr);

impl OpenIntakes {
    /// A connection has been established.
    pub(crate) fn add(&self, connection: &impl Connection, intake: &Arc<Intake>) {
        let mut extensions = Extensions::new();
        connection.connected().get_extras(&mut extensions);
        let Some(ends) = ends(&extensions) else { return };
        let mut intakes = self.0.lock();
        intakes.retain(|_, intake| intake.strong_count() > 0);
        intakes.insert(ends, Arc::downgrade(intake));
    }

    /// The intake of the connection on which an answer came.
    pub(crate) fn of(&self, answer: &Extensions) -> Option<Arc<Intake>> {
        self.0.lock().get(&ends(answer)?)?.upgrade()
    }
}

fn ends(extensions: &Extensions) -> Option<Ends> {
    let info = extensions.get::<HttpInfo>()?;
    Some((info.local_addr(), info.remote_addr()))
}
