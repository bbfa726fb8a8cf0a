//! The addresses that the production client dials with a scripted resolver: only those that were
//! checked, even if the next look-up returns others (DNS rebinding).
//!
//! The client dials only loopback. The scripted resolver records the addresses that it returns, and
//! gives the client a listener for each: the listener in place of a private address sees a
//! connection if the client dials one.

use std::collections::VecDeque;
use std::error::Error as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use futures_util::FutureExt;
use futures_util::future::select_all;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket};

use super::super::*;
use crate::config::{Config, Vars};
use crate::upstream::client::ClientBuilder;

/// Public addresses, among them one at which no process listens, and addresses that must not be
/// dialled.
const PUBLIC: &str = "140.82.121.6";
const PUBLIC_V6: &str = "2606:50c0:8000::154";
const CLOSED: &str = "20.205.243.168";
const PRIVATE: [&str; 6] =
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"];
const NOBODY: [IpAddr; 0] = [];

/// A client, the answers of its look-ups, and the listeners that it dials.
struct Scene {
    client: reqwest::Client,
    answers: Arc<Mutex<VecDeque<Vec<IpAddr>>>>,
    stage: Arc<Stage>,
}

/// A listener for each address, and the addresses that the resolver returned.
struct Stage {
    listeners: Vec<(IpAddr, TcpListener)>,
    closed: TcpSocket,
    handed: Mutex<Vec<IpAddr>>,
}

impl Scene {
    /// Creates a client whose look-ups get one of these answers each; a further look-up finds
    /// nothing.
    async fn new(answers: &[&[&str]]) -> Self {
        let answers: VecDeque<_> = answers.iter().map(|answer| parse(answer)).collect();
        let answers = Arc::new(Mutex::new(answers));
        let left = Arc::clone(&answers);
        let look_ups = LookUps::asking(1, move |host, port| {
            assert_eq!(host, "api.github.com");
            let answer = left.lock().pop_front().ok_or(io::ErrorKind::NotFound)?;
            Ok(answer.into_iter().map(|address| (address, port).into()).collect())
        });
        let resolver = Resolver::new(&[], look_ups);
        let stage = Arc::new(Stage::new().await);
        let recording = Recording { resolver, stage: Arc::clone(&stage) };
        let vars = [("GITHUB_PATS", "ghp_x"), ("API_USAGE_THRESHOLD", "1")];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let vars: Vars = vars.into_iter().collect();
        let config = Config::from_vars(&vars).unwrap();
        let builder = ClientBuilder::with_resolver(recording, &config.upstream).unwrap();
        let client = builder.pooled().unwrap();
        Self { client, answers, stage }
    }

    /// Sends a request, which fails, since no listener speaks TLS. Returns the error and the
    /// addresses that were dialled.
    async fn ask(&self) -> (reqwest::Error, Vec<IpAddr>) {
        self.ask_for("https://api.github.com/repos/o/r").await
    }

    async fn ask_for(&self, url: &str) -> (reqwest::Error, Vec<IpAddr>) {
        let mut dialled = Vec::new();
        let asking = self.client.get(url).send();
        let failed = tokio::select! {
            answer = asking => answer.unwrap_err(),
            () = self.stage.take_connections(&mut dialled) => unreachable!("it never ends"),
        };
        // The addresses that were dialled beside the connection that failed.
        self.stage.take_connections(&mut dialled).now_or_never();
        (failed, dialled)
    }

    /// Returns the number of answers that no look-up has taken yet.
    fn unasked(&self) -> usize {
        self.answers.lock().len()
    }

    fn handed(&self) -> Vec<IpAddr> {
        std::mem::take(&mut self.stage.handed.lock())
    }
}

impl Stage {
    async fn new() -> Self {
        let mut listeners = Vec::new();
        for address in parse(&[PUBLIC, PUBLIC_V6]).into_iter().chain(parse(&PRIVATE)) {
            listeners.push((address, listener().await));
        }
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self { listeners, closed, handed: Mutex::default() }
    }

    /// Returns the address of the listener that stands in for this address.
    fn stand_in(&self, address: IpAddr) -> SocketAddr {
        let found = self.listeners.iter().find(|(stood_for, _)| *stood_for == address);
        let local = found.map_or(self.closed.local_addr(), |(_, listener)| listener.local_addr());
        local.unwrap()
    }

    /// Takes connections and ends them.
    async fn take_connections(&self, dialled: &mut Vec<IpAddr>) {
        loop {
            let accepting = self.listeners.iter().map(|(address, listener)| {
                Box::pin(async move {
                    listener.accept().await.unwrap();
                    *address
                })
            });
            dialled.push(select_all(accepting).await.0);
        }
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

fn parse(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// A resolver that records the addresses it returns, and replaces them with those of listeners.
struct Recording {
    resolver: Resolver,
    stage: Arc<Stage>,
}

impl Resolve for Recording {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolving, stage) = (self.resolver.resolve(name), Arc::clone(&self.stage));
        Box::pin(async move {
            let handed: Vec<_> = resolving.await?.map(|address| address.ip()).collect();
            stage.handed.lock().extend(&handed);
            let stand_ins: Vec<_> = handed.into_iter().map(|it| stage.stand_in(it)).collect();
            Ok(Box::new(stand_ins.into_iter()) as Addrs)
        })
    }
}

fn has_no_public_address(error: &reqwest::Error) -> bool {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.into_iter().any(|cause| cause.is::<NoPublicAddress>())
}

#[tokio::test]
async fn of_a_mixed_answer_the_public_address_alone_is_dialled() {
    let [a, b, c, d, e, f] = PRIVATE;
    let scene = Scene::new(&[&[a, b, c, PUBLIC, d, e, f]]).await;
    let (_, dialled) = scene.ask().await;
    assert_eq!(scene.handed(), parse(&[PUBLIC]));
    assert_eq!(dialled, parse(&[PUBLIC]));
}

#[tokio::test]
async fn after_a_dead_public_address_the_next_public_one_is_dialled() {
    let scene = Scene::new(&[&[CLOSED, "10.0.0.1", "::1", PUBLIC_V6, "127.0.0.1"]]).await;
    let (_, dialled) = scene.ask().await;
    assert_eq!(scene.handed(), parse(&[CLOSED, PUBLIC_V6]));
    assert_eq!(dialled, parse(&[PUBLIC_V6]));

    let scene = Scene::new(&[&[CLOSED, "10.0.0.1", "::1"]]).await;
    assert_eq!(scene.ask().await.1, NOBODY);
}

#[tokio::test]
async fn private_answers_are_never_dialled() {
    for private in PRIVATE {
        let scene = Scene::new(&[&[private], &[private, private]]).await;
        for _ in 0..2 {
            let (failed, dialled) = scene.ask().await;
            assert!(has_no_public_address(&failed), "{private}: {failed:?}");
            assert_eq!(dialled, NOBODY, "{private}");
        }
        assert_eq!(scene.handed(), NOBODY, "{private}");
    }
    let all = Scene::new(&[&PRIVATE]).await;
    assert_eq!(all.ask().await.1, NOBODY);
}

#[tokio::test]
async fn the_checked_address_of_one_look_up_is_dialled() {
    // With a second look-up between the check and the dial, the client would dial the private
    // address.
    for private in PRIVATE {
        let scene = Scene::new(&[&[PUBLIC], &[private]]).await;
        let (_, dialled) = scene.ask().await;
        assert_eq!(scene.unasked(), 1, "one look-up");
        assert_eq!((scene.handed(), dialled), (parse(&[PUBLIC]), parse(&[PUBLIC])));
    }
}

#[tokio::test]
async fn an_answer_that_turns_private_is_refused_for_its_connection() {
    for private in PRIVATE {
        let scene = Scene::new(&[&[PUBLIC], &[private], &[PUBLIC]]).await;
        assert_eq!(scene.ask().await.1, parse(&[PUBLIC]));
        let (failed, dialled) = scene.ask().await;
        assert!(has_no_public_address(&failed), "{failed:?}");
        assert_eq!(dialled, NOBODY, "{private}");
        assert_eq!(scene.ask().await.1, parse(&[PUBLIC]));
        assert_eq!(scene.handed(), parse(&[PUBLIC, PUBLIC]));
    }
}

#[tokio::test]
async fn a_look_up_that_finds_nothing_or_fails_dials_nothing() {
    let scene = Scene::new(&[&[]]).await;
    let (failed, dialled) = scene.ask().await;
    assert!(has_no_public_address(&failed), "{failed:?}");
    assert_eq!(dialled, NOBODY);
    let (failed, dialled) = scene.ask().await;
    assert!(failed.is_connect() && !has_no_public_address(&failed), "{failed:?}");
    assert_eq!(dialled, NOBODY);
}

#[tokio::test]
async fn a_literal_is_dialled_without_a_look_up() {
    let scene = Scene::new(&[&[PUBLIC]]).await;
    let loopback = "127.0.0.1".parse().unwrap();
    let url = format!("https://{}/", scene.stage.stand_in(loopback));
    assert_eq!(scene.ask_for(&url).await.1, [loopback]);
    assert_eq!((scene.unasked(), scene.handed()), (1, Vec::new()));
}
