//! The causes of refused writes in the log: each once, its repetitions counted, and the end.

use std::fs;

use crate::support::eventually::eventually;
use crate::support::github::GitHub;
use crate::support::process::{Running, Setup};
use crate::support::redis_server::{Options, RedisServer, Reply};

const FAIL: &str = "writes to the store fail; they wait and are tried again";
const WORK: &str = "writes to the store work again";
/// A word in keys and values, and so in some error texts of the server.
const SECRET: &str = "octo-canary";

/// A service on a server, and its requests.
struct Scene {
    server: RedisServer,
    github: GitHub,
    svm: Running,
    asked: u32,
}

impl Scene {
    async fn start(options: Options) -> Option<Self> {
        let server = options.start()?;
        let github = GitHub::start().await;
        let setup = Setup::new()
            .behind(&github)
            .set("REDIS_HOST", &server.address().to_string())
            .set("WRITE_BEHIND_RETRY_MAX_INTERVAL", "20ms");
        let svm = setup.start().await;
        let mut scene = Self { server, github, svm, asked: 0 };
        scene.miss().await;
        scene.svm.written(1).await;
        Some(scene)
    }

    /// Writes a document that is requested for the first time.
    async fn miss(&mut self) {
        self.asked += 1;
        let target = format!("/repos/{SECRET}/r{}", self.asked);
        self.github.document(&target, r#"{"name":"app"}"#);
        let answer = self.svm.version(&format!("https://api.github.com{target}")).await;
        assert_eq!(answer.header("x-cache"), "MISS");
    }

    /// Asserts that writes fail for this cause many times, and that the log reports it once.
    async fn fails(&mut self, causes: &[&str]) {
        self.miss().await;
        let cause = causes.last().expect("a cause");
        let enough = self.svm.metric("svm_l2_write_errors_total").await + 10.0;
        let _ = self.svm.shows("/healthz", |page| page.json()["status"] == "degraded").await;
        while self.svm.metric("svm_l2_write_errors_total").await < enough {
            let _ = self.svm.get("/ping").await;
        }
        eventually(|| self.svm.said(FAIL).len() >= causes.len()).await;
        let lines = self.svm.said(FAIL);
        let named: Vec<_> =
            lines.iter().map(|line| line["cause"].as_str().expect("a cause")).collect();
        assert_eq!(named, causes, "{cause}");
    }

    /// Asserts that writes work again, and that the log reports that with the count.
    async fn works(&self, times: usize) {
        self.svm.written(u64::from(self.asked)).await;
        eventually(|| self.svm.said(WORK).len() == times).await;
        let line = self.svm.said(WORK).pop().expect("a line");
        assert!(line["failures"].as_u64().is_some_and(|count| count >= 10), "{line}");
        assert!(line["since"].is_string(), "{line}");
    }

    async fn ends(self) {
        let ended = self.svm.terminate().await;
        for line in ended.said(FAIL) {
            assert!(!line.to_string().contains(SECRET), "{line}");
        }
    }
}

#[tokio::test]
async fn each_refusal_is_named_once_until_it_changes() {
    let Some(mut scene) = Scene::start(Options::default()).await else { return };
    scene.server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    scene.fails(&["oom"]).await;
    scene.server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    scene.server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    scene.fails(&["oom", "readonly"]).await;
    scene.server.command(&["REPLICAOF", "NO", "ONE"]);
    scene.works(1).await;
    scene.server.command(&["ACL", "SETUSER", "default", "-evalsha", "-eval"]);
    scene.fails(&["oom", "readonly", "noperm"]).await;
    scene.server.command(&["ACL", "SETUSER", "default", "+@all"]);
    scene.works(2).await;
    let line = scene.svm.said(FAIL).pop().expect("a line");
    assert!(
        line["error"].as_str().is_some_and(|it| it.contains("NOPERM: the user lacks")),
        "{line}"
    );
    // The same cause is logged again after a recovery.
    scene.server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    scene.fails(&["oom", "readonly", "noperm", "oom"]).await;
    scene.server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    scene.works(3).await;
    scene.ends().await;
}

#[tokio::test]
async fn a_key_that_the_user_may_not_write_is_not_logged() {
    let Some(mut scene) = Scene::start(Options::default()).await else { return };
    scene.server.command(&["ACL", "SETUSER", "default", "resetkeys", "~other"]);
    scene.fails(&["noperm"]).await;
    scene.server.command(&["ACL", "SETUSER", "default", "~*"]);
    scene.works(1).await;
    scene.ends().await;
}

#[tokio::test]
async fn a_server_that_cannot_save_is_named_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::default()
        .setting("enable-protected-configs", &["yes"])
        .setting("dir", &[folder.path().to_str().unwrap()])
        .setting("save", &["3600 100000"]);
    let Some(mut scene) = Scene::start(options).await else { return };
    fs::remove_dir_all(folder.path()).unwrap();
    scene.server.command(&["BGSAVE"]);
    eventually(|| persistence(&scene.server).contains("rdb_last_bgsave_status:err")).await;
    scene.fails(&["misconf"]).await;
    scene.server.command(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]);
    scene.works(1).await;
    scene.ends().await;
}

fn persistence(server: &RedisServer) -> String {
    let Reply::Text(text) = server.command(&["INFO", "persistence"]) else { panic!() };
    String::from_utf8(text).expect("text")
}
