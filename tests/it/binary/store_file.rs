//! The file of the store: its permissions, and its loss while the service runs.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::fail;
use crate::LATEST;
use crate::support::app::Answer;
use crate::support::github::GitHub;
use crate::support::process::{Running, Setup};

const DISPLACED: &str = "the store file is not in its place; opening it anew";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{path:?}: {error}")).permissions().mode()
        & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a file of ours");
}

/// Returns the modes of the folder and of the file in it.
fn modes(folder: &Path) -> [u32; 2] {
    [mode(folder), mode(&folder.join("svm.redb"))]
}

#[tokio::test]
async fn the_file_and_its_folder_are_private_whatever_the_umask() {
    for umask in ["0", "022", "077", "0777"] {
        let setup = Setup::new().set("CACHE_DIR", "of/the/store").after(&format!("umask {umask}"));
        setup.start().await.terminate().await.assert_code(0);
        let folder = |path| setup.folder().join(path);
        assert_eq!(modes(&folder("of/the/store")), [0o700, 0o600], "{umask}");
        assert_eq!([folder("of"), folder("of/the")].map(|path| mode(&path)), [0o700; 2], "{umask}");
    }
}

#[tokio::test]
async fn a_file_readable_by_others_is_closed_to_them() {
    let setup = Setup::new();
    let folder = setup.folder().join("data");
    setup.start().await.terminate().await.assert_code(0);
    for (folder_mode, file_mode) in [(0o755, 0o644), (0o777, 0o666), (0o1777, 0o640)] {
        set_mode(&folder, folder_mode);
        set_mode(&folder.join("svm.redb"), file_mode);
        setup.start().await.terminate().await.assert_code(0);
        assert_eq!(modes(&folder), [0o700, 0o600], "{folder_mode:o} {file_mode:o}");
    }
}

#[tokio::test]
async fn a_folder_with_files_of_others_is_left_as_it_is() {
    let setup = Setup::new();
    let folder = setup.folder().join("data");
    fs::create_dir(&folder).unwrap();
    set_mode(&folder, 0o755);
    fs::write(folder.join("notes.txt"), "of the operator").unwrap();
    setup.start().await.terminate().await.assert_code(0);
    assert_eq!(modes(&folder), [0o755, 0o600]);
}

#[tokio::test]
async fn a_damaged_file_moved_aside_is_private_too() {
    let setup = Setup::new();
    let folder = setup.folder().join("data");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("svm.redb"), "rubbish").unwrap();
    set_mode(&folder.join("svm.redb"), 0o666);
    let svm = setup.start().await;
    let warning = svm.says("the store file is damaged; starting a new one").await;
    let extras = setup.folder().join(warning["moved_to"].as_str().unwrap());
    svm.terminate().await.assert_code(0);
    assert_eq!((mode(&extras), modes(&folder)), (0o600, [0o700, 0o600]));
}

/// A service with a document in its store, whose file a test changes.
struct Scene {
    github: GitHub,
    setup: Setup,
    svm: Running,
    folder: PathBuf,
}

impl Scene {
    async fn start() -> Self {
        let github = GitHub::start().await;
        github.release("octo/app").serve();
        let setup = Setup::new().behind(&github);
        let svm = setup.start().await;
        assert_eq!(svm.version(LATEST).await.header("x-cache"), "MISS");
        svm.written(1).await;
        let folder = setup.folder().join("data");
        Self { github, setup, svm, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("svm.redb")
    }

    /// Asserts that the probe has detected the loss, for this reason.
    async fn notices(&self, cause: &str) {
        let line = self.svm.says(DISPLACED).await;
        assert_eq!(line["cause"], cause, "{line}");
        assert_eq!(line["path"], "./data/svm.redb", "{line}");
    }

    /// Asserts that the store works again on a new file, and that the documents in memory remain.
    async fn heals(self) {
        let Self { github, setup, svm, folder } = self;
        let is_well = |health: &Answer| health.json()["status"] == "healthy";
        let _ = svm.shows("/healthz", is_well).await;
        assert_eq!(svm.version(LATEST).await.header("x-cache"), "HIT");
        github.document("/repos/octo/app/later", "{}");
        let later = "https://api.github.com/repos/octo/app/later";
        assert_eq!(svm.version(later).await.header("x-cache"), "MISS");
        svm.written(2).await;
        assert_eq!(modes(&folder), [0o700, 0o600]);
        let ended = svm.terminate().await;
        ended.assert_code(0);
        // The loss was logged once, not at each probe.
        assert_eq!(ended.said(DISPLACED).len(), 1);
        fail(&github);
        let _ = setup.start().await.stored(later).await;
    }
}

#[tokio::test]
async fn a_file_that_is_removed_is_made_anew() {
    let scene = Scene::start().await;
    fs::remove_file(scene.file()).unwrap();
    scene.notices("the file is gone").await;
    scene.heals().await;
}

#[tokio::test]
async fn a_folder_that_is_removed_is_made_anew() {
    let scene = Scene::start().await;
    fs::remove_dir_all(&scene.folder).unwrap();
    scene.notices("the file is gone").await;
    scene.heals().await;
}

#[tokio::test]
async fn a_folder_that_is_replaced_is_used_as_it_is_now() {
    let scene = Scene::start().await;
    fs::rename(&scene.folder, scene.setup.folder().join("moved")).unwrap();
    fs::create_dir(&scene.folder).unwrap();
    scene.notices("the file is gone").await;
    scene.heals().await;
}

#[tokio::test]
async fn a_file_that_is_replaced_by_a_copy_is_opened() {
    let scene = Scene::start().await;
    let copy = scene.folder.join("copy");
    fs::copy(scene.file(), &copy).unwrap();
    fs::rename(&copy, scene.file()).unwrap();
    scene.notices("another file is in its place").await;
    scene.heals().await;
}

#[tokio::test]
async fn a_file_that_is_replaced_by_rubbish_is_begun_anew() {
    let scene = Scene::start().await;
    let rubbish = scene.folder.join("rubbish");
    fs::write(&rubbish, "rubbish").unwrap();
    fs::rename(&rubbish, scene.file()).unwrap();
    scene.notices("another file is in its place").await;
    scene.svm.says("the store file is damaged; starting a new one").await;
    scene.heals().await;
}

#[tokio::test]
async fn a_file_that_is_replaced_by_a_link_is_opened_there() {
    let scene = Scene::start().await;
    let elsewhere = scene.setup.folder().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::remove_file(scene.file()).unwrap();
    symlink(elsewhere.join("svm.redb"), scene.file()).unwrap();
    scene.notices("the file is gone").await;
    scene.heals().await;
}

#[tokio::test]
async fn a_file_that_moved_behind_a_link_is_the_same_file() {
    let scene = Scene::start().await;
    let moved = scene.setup.folder().join("moved.redb");
    let link = scene.folder.join("link");
    symlink(&moved, &link).unwrap();
    fs::hard_link(scene.file(), &moved).unwrap();
    fs::rename(&link, scene.file()).unwrap();
    let Scene { github, setup, svm, .. } = scene;
    github.document("/repos/octo/app/later", "{}");
    let later = "https://api.github.com/repos/octo/app/later";
    assert_eq!(svm.version(later).await.status, 200);
    svm.written(2).await;
    let ended = svm.terminate().await;
    ended.assert_code(0);
    assert!(ended.said(DISPLACED).is_empty());
    fail(&github);
    let _ = setup.start().await.stored(later).await;
}

#[tokio::test]
async fn a_folder_in_place_of_the_file_is_survived_and_healed() {
    let scene = Scene::start().await;
    fs::remove_file(scene.file()).unwrap();
    fs::create_dir(scene.file()).unwrap();
    scene.notices("a folder is in its place").await;
    let _ = scene.svm.shows("/healthz", |health| health.json()["status"] == "degraded").await;
    assert_eq!(scene.svm.version(LATEST).await.header("x-cache"), "HIT");
    fs::remove_dir(scene.file()).unwrap();
    scene.heals().await;
}

#[tokio::test]
async fn a_file_that_another_process_holds_is_waited_for() {
    let scene = Scene::start().await;
    let holder = Setup::new();
    let holding = holder.start().await;
    fs::rename(holder.folder().join("data/svm.redb"), scene.file()).unwrap();
    scene.notices("another file is in its place").await;
    assert_eq!(scene.svm.version(LATEST).await.header("x-cache"), "HIT");
    // The second process detects that its file is gone, creates another one, and releases this one.
    holding.says(DISPLACED).await;
    scene.heals().await;
    holding.terminate().await.assert_code(0);
}

#[tokio::test]
async fn damage_in_a_journal_is_told_and_costs_no_other_document() {
    let Scene { github, setup, svm, folder } = Scene::start().await;
    github.document("/repos/octo/app/later", "{}");
    let later = "https://api.github.com/repos/octo/app/later";
    assert_eq!(svm.version(later).await.header("x-cache"), "MISS");
    svm.written(2).await;
    svm.kill().await.assert_signal(9);
    let path = folder.join("svm.redb.journal");
    let mut journal = fs::read(&path).unwrap();
    journal[100] ^= 0x55;
    fs::write(&path, journal).unwrap();
    fail(&github);
    let svm = setup.start().await;
    let told = svm.says("passing over damaged changes in the journal of the store").await;
    assert_eq!(told["path"], "./data/svm.redb.journal", "{told}");
    assert!(told["bytes"].as_u64().unwrap() > 1_000, "{told}");
    let _ = svm.stored(later).await;
}

#[tokio::test]
async fn another_file_in_the_place_of_a_journal_is_told() {
    let setup = Setup::new();
    let folder = setup.folder().join("data");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("svm.redb.journal2"), "precious").unwrap();
    let svm = setup.start().await;
    let told = svm.says("a journal cannot be used; starting a new one").await;
    assert_eq!(told["name"], "svm.redb.journal2", "{told}");
    let moved_to = setup.folder().join(told["moved_to"].as_str().unwrap());
    assert_eq!(fs::read_to_string(moved_to).unwrap(), "precious");
}
