//! The memory limit of a container: a control group of the kernel, if the test may create one.

use std::fs;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use futures_util::stream::iter;

use crate::support::github::GitHub;
use crate::support::process::{Ended, Setup};

const MIB: u64 = 1 << 20;

/// A control group with a limit, removed when dropped.
struct Group(PathBuf);

impl Group {
    /// Creates a group; `None` if the test may not, as in most containers.
    fn new(name: &str, bytes: u64) -> Option<Self> {
        let trees = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
            ("/sys/fs/cgroup/unified", "memory.max"),
        ];
        trees.into_iter().find_map(|(tree, file)| {
            let folder = Path::new(tree).join(format!("svm-test-{name}-{}", std::process::id()));
            fs::create_dir(&folder).ok()?;
            // From here on, the group is removed even if a later step fails.
            let group = Self(folder);
            fs::write(group.0.join(file), bytes.to_string()).ok()?;
            Some(group)
        })
    }

    /// Makes the binary start in the group.
    fn around(&self, setup: Setup) -> Setup {
        setup.after(&format!("echo $$ > '{}'", self.0.join("cgroup.procs").display()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Returns the line with the size of L1.
#[track_caller]
fn l1(ended: &Ended) -> &str {
    ended.assert_code(0);
    let mut lines = ended.stdout.lines();
    lines.find(|line| line.starts_with("CACHE_L1_MAX_GB=")).expect("the size of L1")
}

#[tokio::test]
async fn the_limit_of_the_container_bounds_l1() {
    let Some(group) = Group::new("bound", 256 * MIB) else {
        // Without a group, the machine's limit applies, if there is one; the size never exceeds the
        // default.
        let ended = Setup::new().run(&["check"]).await;
        let size = l1(&ended).split(['=', ' ']).nth(1).and_then(|size| size.parse::<f64>().ok());
        assert!(size.is_some_and(|size| size > 0.0 && size <= 1.0), "{ended:?}");
        return;
    };
    let ended = group.around(Setup::new()).run(&["check"]).await;
    assert_eq!(ended.stderr, "");
    assert_eq!(l1(&ended), "CACHE_L1_MAX_GB=0.1  # default for the available memory");
    let svm = group.around(Setup::new()).start().await;
    let settings = svm.says("configuration").await["settings"].as_str().unwrap().to_owned();
    assert!(settings.split("; ").any(|setting| setting == "CACHE_L1_MAX_GB=0.1"), "{settings}");
    svm.terminate().await.assert_code(0);

    let warning = "CACHE_L1_MAX_GB is 1024 MiB and the memory is limited to 256 MiB: svm may be \
                   killed without a message; it takes up to 150 MiB beside it";
    let explicit = group.around(Setup::new().set("CACHE_L1_MAX_GB", "1"));
    let ended = explicit.run(&["check"]).await;
    assert_eq!(l1(&ended), "CACHE_L1_MAX_GB=1");
    ended.assert_complaint(warning);
    let svm = explicit.start().await;
    assert_eq!(svm.says(warning).await["level"], "WARN");
    svm.terminate().await.assert_code(0);
    let fits = group.around(Setup::new().set("CACHE_L1_MAX_GB", "0.05")).run(&["check"]).await;
    assert_eq!((l1(&fits), &*fits.stderr), ("CACHE_L1_MAX_GB=0.05", ""));
}

#[tokio::test]
async fn more_documents_than_the_container_has_memory_are_served() {
    const DOCUMENTS: usize = 1_400;
    const LIMIT: u64 = 100 * MIB;
    let github = GitHub::start().await;
    let path = |n: usize| format!("/repos/octo/app{n}/releases/latest");
    for n in 0..DOCUMENTS {
        github.document_bytes(&path(n), document(n));
    }
    // Without a group, the test checks less: all documents are served.
    let group = Group::new("documents", LIMIT);
    let setup =
        Setup::new().behind(&github).set("RUST_LOG", "info,svm::access=off,svm::upstream=off");
    // The default interval: with many small writes, other tests would wait for the disk.
    let setup = setup.set("WRITE_BEHIND_FLUSH_INTERVAL", "1s");
    let setup = match &group {
        Some(group) => group.around(setup),
        None => setup.set("CACHE_L1_MAX_GB", "0.03"),
    };
    let svm = setup.start().await;
    let answers = iter(0..DOCUMENTS).map(|n| {
        let answer = svm.version(&format!("https://api.github.com{}", path(n)));
        async move { answer.await.status.as_u16() }
    });
    let failed = answers.buffer_unordered(8).filter(|status| std::future::ready(*status != 200));
    assert_eq!(failed.collect::<Vec<_>>().await, [0_u16; 0]);
    assert!(svm.metric("svm_l1_bytes").await < 0.4 * LIMIT as f64);
    svm.terminate().await.assert_code(0);
}

/// Returns 34 KB, half of which remain after gzip.
fn document(n: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(n as u64);
    let text: String =
        (0..34_000).map(|_| char::from(b"0123456789abcdef"[random.usize(..16)])).collect();
    format!("{{\"id\":{n},\"body\":\"{text}\"}}").into_bytes()
}
