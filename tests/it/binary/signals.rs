//! Signals that do not end the process.

use crate::support::process::Setup;

#[tokio::test]
async fn user_signals_are_logged_and_ignored() {
    let svm = Setup::new().start().await;
    for signal in ["USR1", "USR2"] {
        for _ in 0..10 {
            svm.signal(signal).await;
        }
    }
    svm.says_where("a signal is ignored", |line| line["signal"] == "SIGUSR2").await;
    assert_eq!(svm.get("/ping").await.status, 200);
    let ended = svm.terminate().await;
    ended.assert_code(0);
    // Repeated signals do not fill the log.
    let lines = ended.said("a signal is ignored");
    let named: Vec<_> = lines.iter().map(|line| line["signal"].as_str().unwrap()).collect();
    assert_eq!(named, ["SIGUSR1", "SIGUSR2"]);
}

#[tokio::test]
async fn user_signals_do_not_end_the_wait_for_the_folder() {
    let setup = Setup::new();
    let first = setup.start().await;
    let second = setup.spawn();
    second.says("configuration").await;
    second.signal("USR1").await;
    second.says("a signal is ignored").await;
    first.terminate().await.assert_code(0);
    second.serving().await.terminate().await.assert_code(0);
}

#[tokio::test]
async fn user_signals_do_not_end_the_drain() {
    let svm = Setup::new().set("SHUTDOWN_DELAY", "1h").start().await;
    svm.signal("TERM").await;
    svm.says("shutting down").await;
    svm.signal("USR2").await;
    svm.says("a signal is ignored").await;
    assert_eq!(svm.get("/livez").await.status, 200);
    svm.signal("INT").await;
    svm.ended().await.assert_code(1);
}

#[tokio::test]
async fn a_hangup_that_nohup_ignores_ends_nothing() {
    let svm = Setup::new().after(r#"trap "" HUP"#).start().await;
    svm.signal("HUP").await;
    svm.signal("USR1").await;
    svm.says("a signal is ignored").await;
    assert_eq!(svm.get("/healthz").await.status, 200);
    svm.terminate().await.assert_code(0);
}
