//! The service under the clock: the production constructor, real time, an embedded store in a
//! temporary folder, and documents in L1. Its log is formatted and written as in production, to
//! nowhere.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;

use svm::app::App;
use svm::cache::{Answer, Demand, Payload};
use svm::clock::Clock;
use svm::http;
use svm::telemetry::Lines;

use super::documents::Document;
use super::harness::app::{TestApp, TestAppBuilder};
use super::harness::github::GitHub;
use super::harness::tasks;

/// A service that does not listen yet.
pub(crate) struct Filled {
    /// The service.
    pub(crate) app: App,
    _surroundings: Surroundings,
}

/// A service that listens, as long as its runtime is driven.
pub(crate) struct Served {
    /// The address on which it listens.
    pub(crate) address: SocketAddr,
    _surroundings: Surroundings,
}

/// The simulated GitHub, and the builder that owns the store's folder.
type Surroundings = (GitHub, TestAppBuilder);

impl Filled {
    /// A service that has fetched these documents.
    pub(crate) async fn with(documents: &[Document]) -> Self {
        let github = GitHub::start().await;
        github.follow(Clock::System);
        let builder = TestApp::builder();
        let config = builder.config(&github);
        let lines = Lines::start(config.log.format, io::sink()).expect("a thread");
        let app = App::build(config, Clock::System, lines).await.expect("a service");
        for document in documents {
            github.document_bytes(&document.path, document.body.clone());
            fetch(&app, document).await;
        }
        Self { app, _surroundings: (github, builder) }
    }

    /// Has it listen on a free port of loopback.
    pub(crate) fn serve(self) -> Served {
        let listener = http::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        drop(tasks::spawn(self.app.serve(listener, pending())));
        Served { address, _surroundings: self._surroundings }
    }
}

async fn fetch(app: &App, document: &Document) {
    let target = document.target();
    let permit = || Ok::<_, Infallible>(());
    let Ok(_miss) = app.cache().wait(&target, Demand::Cached, permit).await;
    let answer = app.cache().recall(&target, Demand::Cached, Clock::System.now());
    let Some(Answer { given: Payload::Document(entry), .. }) = answer else {
        panic!("{target:?} is not in L1")
    };
    // Now, and not while somebody is timed.
    entry.body.make_gzip();
}
