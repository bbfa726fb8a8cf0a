//! The binary from its start to an orderly end.

use crate::support::github::GitHub;
use crate::support::process::{Connection, Setup};
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn it_serves_a_miss_and_then_a_hit() {
    let github = GitHub::start().await;
    github.release("octo/app").tag("v1.2.3").serve();
    let svm = Setup::new().behind(&github).start().await;
    assert_eq!(svm.version(LATEST).await.header("x-cache"), "MISS");
    let hit = svm.version(LATEST).await;
    assert_eq!(hit.header("x-cache"), "HIT");
    assert_eq!(hit.json()["tag_name"], "v1.2.3");
    assert_eq!(github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn each_signal_ends_it_in_order_with_one_last_line() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    for signal in ["TERM", "INT", "HUP"] {
        // The document waits in the queue until the end.
        let setup = Setup::new().behind(&github).set("WRITE_BEHIND_FLUSH_INTERVAL", "1h");
        let svm = setup.start().await;
        let _ = svm.version(LATEST).await;
        svm.signal(signal).await;
        let ended = svm.ended().await;
        ended.assert_code(0);
        assert_eq!(ended.shutdown_counts(), [1, 0, 0], "{signal}");
        assert_eq!(ended.stderr, "", "{signal}");
    }
}

#[tokio::test]
async fn a_port_chosen_by_the_system_is_logged_and_freed_at_the_end() {
    let svm = Setup::new().start().await;
    let address = svm.address();
    assert_ne!(address.port(), 0);
    svm.terminate().await.assert_code(0);
    assert!(Connection::open(address).await.is_err());
}
