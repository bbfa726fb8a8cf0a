//! The folder of the store: used by another process, not a folder, damaged.

use std::fs;

use super::fail;
use crate::LATEST;
use crate::support::app::Answer;
use crate::support::github::GitHub;
use crate::support::noise::noise;
use crate::support::process::Setup;

#[tokio::test]
async fn without_a_folder_it_serves_and_heals_when_there_is_one() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let setup = Setup::new().behind(&github).set("CACHE_DIR", "obstacle/store");
    let obstacle = setup.folder().join("obstacle");
    fs::write(&obstacle, "in the way").unwrap();

    let svm = setup.start().await;
    assert_eq!(svm.version(LATEST).await.header("x-cache"), "MISS");
    assert_eq!(svm.version(LATEST).await.header("x-cache"), "HIT");
    let down = serde_json::json!({ "status": "down", "error": "the store cannot be read" });
    let is_down = |health: &Answer| health.json()["dependencies"]["embedded_store"] == down;
    let health = svm.shows("/healthz", is_down).await;
    assert_eq!((health.status.as_u16(), &health.json()["status"]), (200, &"degraded".into()));
    let warning = svm.says("starting without the persistent store").await;
    let reason = "the folder obstacle/store cannot be used for the store: ";
    assert!(warning["error"].as_str().unwrap().starts_with(reason), "{warning}");

    fs::remove_file(&obstacle).unwrap();
    let _ = svm.shows("/healthz", |health| health.json()["status"] == "healthy").await;
    svm.written(1).await;
    let ended = svm.terminate().await;
    ended.assert_code(0);
    let outages = ended.said("the persistent store is in trouble; serving without it");
    let ends = ended.said("the persistent store works again");
    assert_eq!((outages.len(), ends.len()), (1, 1));

    fail(&github);
    let _ = setup.start().await.stored(LATEST).await;
}

#[tokio::test]
async fn after_a_full_disk_the_queued_writes_are_written() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let setup = Setup::new().behind(&github).set("WRITE_BEHIND_RETRY_MAX_INTERVAL", "50ms");
    let setup = setup.largest_file(3 << 20);
    let svm = setup.start().await;
    assert_eq!(svm.version(LATEST).await.header("x-cache"), "MISS");
    svm.written(1).await;
    let mut urls = vec![LATEST.to_owned()];
    while svm.metric("svm_l2_write_errors_total").await == 0.0 {
        let target = format!("/repos/octo/app/{}", urls.len());
        github.document(&target, format!(r#"{{"body":"{}"}}"#, noise(200_000)));
        urls.push(format!("https://api.github.com{target}"));
        assert_eq!(svm.version(urls.last().unwrap()).await.header("x-cache"), "MISS");
    }
    let health = svm.shows("/healthz", |health| health.json()["status"] == "degraded").await;
    assert_eq!(health.status, 200);
    // A disk without space is reported in the same way, with another cause.
    let warning = svm.says("writes to the store fail; they wait and are tried again").await;
    assert_eq!(warning["cause"], "file-too-large", "{warning}");
    for url in &urls {
        assert_eq!(svm.version(url).await.header("x-cache"), "HIT");
    }

    svm.lift_file_limit().await;
    let _ = svm.shows("/healthz", |health| health.json()["status"] == "healthy").await;
    svm.written(urls.len() as u64).await;
    svm.terminate().await.assert_code(0);
    fail(&github);
    let svm = setup.start().await;
    for url in &urls {
        let _ = svm.stored(url).await;
    }
}

#[tokio::test]
async fn a_damaged_file_is_moved_aside_and_said_so() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let setup = Setup::new().behind(&github);
    let folder = setup.folder().join("data");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("svm.redb"), "rubbish").unwrap();

    let svm = setup.start().await;
    let warning = svm.says("the store file is damaged; starting a new one").await;
    let extras = setup.folder().join(warning["moved_to"].as_str().unwrap());
    assert_eq!(fs::read(extras).unwrap(), b"rubbish");
    assert_eq!(svm.version(LATEST).await.header("x-cache"), "MISS");
    svm.written(1).await;
    svm.kill().await.assert_signal(9);

    fail(&github);
    let _ = setup.start().await.stored(LATEST).await;
}

#[tokio::test]
async fn an_obstacle_in_the_place_of_the_file_is_named() {
    let folder = Setup::new();
    fs::create_dir_all(folder.folder().join("data/svm.redb")).unwrap();
    let pipe = Setup::new();
    fs::create_dir(pipe.folder().join("data")).unwrap();
    let path = pipe.folder().join("data/svm.redb");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    for (setup, why) in [(&folder, "Is a directory (os error 21)"), (&pipe, "Is a named pipe")] {
        let svm = setup.start().await;
        let warning = svm.says("starting without the persistent store").await;
        let error = format!(
            "the folder ./data cannot be used for the store: svm.redb in it cannot be used: {why}"
        );
        assert_eq!(warning["error"], error, "{warning}");
        svm.terminate().await.assert_code(0);
    }
}

#[tokio::test]
async fn a_second_process_on_the_folder_gives_up_after_ten_seconds() {
    let setup = Setup::new();
    let svm = setup.start().await;
    let second = setup.spawn();
    // The line comes at once, not at the end of the wait.
    let waiting = second.says("another process has the store file; waiting for it").await;
    assert_eq!(waiting["path"], "./data/svm.redb", "{waiting}");
    assert_eq!(waiting["at_most"], "10s", "{waiting}");
    assert_eq!(waiting["level"], "WARN", "{waiting}");
    let second = second.ended().await;
    assert!(second.waited > std::time::Duration::from_secs(8), "{second:?}");
    assert_eq!(second.said("another process has the store file; waiting for it").len(), 1);
    second.assert_code(1).assert_complaint(
        "another process is using ./data/svm.redb and has not released it within 10s",
    );
    assert!(second.said("serving").is_empty());
    assert_eq!(svm.get("/ping").await.status, 200);
}

#[tokio::test]
async fn a_faulty_file_ends_a_start_before_it_opens_the_store() {
    let setup = Setup::new().set("UPSTREAM_CA_FILE", "/nowhere.pem");
    setup.run(&[]).await.assert_code(78);
    assert_eq!(fs::read_dir(setup.folder()).unwrap().count(), 0);

    // While another process has the store, an operator gets the fault and not the lock.
    let setup = setup.unset("UPSTREAM_CA_FILE");
    let _first = setup.start().await;
    let second = setup.set("UPSTREAM_CA_FILE", "/nowhere.pem").run(&[]).await;
    second.assert_code(78).assert_complaint(
        "UPSTREAM_CA_FILE /nowhere.pem cannot be read: No such file or directory (os error 2)",
    );
    assert!(second.waited.as_secs() < 5, "{second:?}");
}

#[tokio::test]
async fn a_second_process_takes_over_when_the_first_ends() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let setup = Setup::new().behind(&github);
    let first = setup.start().await;
    assert_eq!(first.version(LATEST).await.header("x-cache"), "MISS");
    let second = setup.spawn();
    // The second process has reached the store once it has logged its configuration.
    second.says("configuration").await;
    first.terminate().await.assert_code(0);
    fail(&github);
    let _ = second.serving().await.stored(LATEST).await;
}

#[tokio::test]
async fn a_signal_ends_the_wait_for_the_folder() {
    let setup = Setup::new();
    let _first = setup.start().await;
    let second = setup.spawn();
    second.says("configuration").await;
    let ended = second.terminate().await;
    ended.assert_code(0);
    assert!(ended.said("serving").is_empty());
    assert!(ended.waited.as_secs() < 5, "{ended:?}");
}

#[tokio::test]
async fn a_lower_bound_is_met_while_it_serves_without_more_disk() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let setup = Setup::new().behind(&github).set("CACHE_L2_MAX_GB", "0.25");
    let file = setup.folder().join("data/svm.redb");
    let svm = setup.start().await;
    assert_eq!(svm.version(LATEST).await.header("x-cache"), "MISS");
    // The records take more than the lower bound leaves for them, which is 24 MiB.
    let large = noise(900_000);
    for number in 0..30 {
        let target = format!("/repos/octo/app/{number}");
        github.document(&target, format!(r#"{{"body":"{large}"}}"#));
        let _ = svm.version(&format!("https://api.github.com{target}")).await;
    }
    svm.written(31).await;
    assert_eq!(svm.version(LATEST).await.header("x-cache"), "HIT");
    svm.terminate().await.assert_code(0);
    // The file has the length that a much fuller store would leave.
    let before = 200 << 20;
    fs::File::options().write(true).open(&file).unwrap().set_len(before).unwrap();

    let setup = setup.set("CACHE_L2_MAX_GB", "0.0625");
    fail(&github);
    let svm = setup.start().await;
    let _ = svm.says("making the store file fit its bound").await;
    let length = || fs::metadata(&file).unwrap().len();
    let fits = svm.says("the store file fits its bound");
    let longest = async {
        let mut longest = 0;
        while length() > 64 << 20 {
            longest = longest.max(length());
            tokio::task::yield_now().await;
        }
        longest
    };
    let (longest, _) = tokio::join!(longest, fits);
    assert!(longest <= before, "{longest}");
    let _ = svm.stored(LATEST).await;
    let _ = svm
        .shows("/healthz", |health| {
            health.json()["dependencies"]["embedded_store"]["status"] == "up"
        })
        .await;
    let ended = svm.terminate().await;
    ended.assert_code(0);
    assert_eq!(ended.said("starting without the persistent store").len(), 0);
    assert!(length() <= 64 << 20);
}
