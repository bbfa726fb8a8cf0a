//! The `.env` of the working folder: the files that are read and refused. No value of it is ever
//! shown.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use crate::support::process::{Ended, Setup};

/// The exit code for a wrong configuration, of sysexits.h.
const CONFIGURATION: i32 = 78;
const CANARY: &str = "ghp_canaryOfDotenv";
const COMMANDS: [&[&str]; 3] = [&[], &["check"], &["healthcheck"]];
/// A user other than ours.
const STRANGER: u32 = 12_345;

/// Returns the value of a variable as `svm check` prints it.
fn checked(ended: &Ended, name: &str) -> String {
    ended.assert_code(0);
    let line = ended.stdout.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = line.unwrap_or_else(|| panic!("no {name} in\n{}", ended.stdout));
    value.split("  # ").next().unwrap_or_default().to_owned()
}

/// Asserts that every command refuses the file in one sentence, without a value of it.
async fn assert_refused(setup: &Setup, sentence: &str) {
    for command in COMMANDS {
        let ended = setup.run(command).await;
        ended.assert_code(CONFIGURATION);
        assert!(ended.stderr.starts_with("svm: "), "{command:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(sentence), "{command:?}: {sentence}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{command:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("canary"), "{command:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[tokio::test]
async fn a_nul_is_refused_without_the_value_by_every_command() {
    for variable in ["GITHUB_PATS", "PORT", "REDIS_HOST", "UNKNOWN"] {
        for text in [
            format!("{variable}={CANARY}\0\n"),
            format!("# a comment\n{variable}='{CANARY}\0x'\n"),
            format!("export {variable}=\"\0{CANARY}\""),
            format!("{variable}=x\n\0{CANARY}=1"),
            format!("A\0B={CANARY}\n"),
        ] {
            assert_refused(&Setup::new().dotenv(&text), ".env: ").await;
        }
    }
    let named = Setup::new().dotenv(&format!("STALE_AFTER=1s\nGITHUB_PATS={CANARY}\0"));
    assert_refused(&named, "the line of GITHUB_PATS holds a NUL character").await;
    let numbered = Setup::new().dotenv(&format!("STALE_AFTER=1s\nTOKEN={CANARY}\0"));
    assert_refused(&numbered, "line 2 holds a NUL character").await;
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused_without_the_value() {
    let text = |tail: &[u8]| [b"PORT=0\nGITHUB_PATS=", CANARY.as_bytes(), tail].concat();
    let setup = Setup::new().dotenv_bytes(&text(b"\xff\n"));
    assert_refused(&setup, "the line of GITHUB_PATS is not valid UTF-8").await;
    // The file as an editor saves it in UTF-16.
    let wide: Vec<u8> = format!("PORT={CANARY}").bytes().flat_map(|byte| [byte, 0]).collect();
    assert_refused(&Setup::new().dotenv_bytes(&wide), ".env: line 1 holds a NUL character").await;
}

#[tokio::test]
async fn a_line_that_is_malformed_is_named_by_its_place() {
    for (text, place) in [
        (
            format!("STALE_AFTER=1s\nGITHUB_PATS={CANARY} x\n"),
            "the line of GITHUB_PATS is malformed",
        ),
        (format!("A='1\n2'\n{CANARY}\n"), "line 3 is malformed"),
        (format!("A=B=\\q{CANARY}\n"), "line 1 is malformed"),
        (format!("={CANARY}\n"), "line 1 is malformed"),
        (format!("PORT=${{{CANARY}"), "the line of PORT is malformed"),
    ] {
        assert_refused(&Setup::new().dotenv(&text), place).await;
    }
}

#[tokio::test]
async fn the_usual_forms_of_a_file_are_read() {
    let text = "\u{feff}# a comment\r\nexport STALE_AFTER = 3s # three\r\n\r\nBASE='1\n2'\r\n\
                UPSTREAM_TIMEOUT=${HOURS}h\r\nSHUTDOWN_GRACE=\"4s\" ";
    let setup = Setup::new().set("HOURS", "2").dotenv(text);
    let ended = setup.run(&["check"]).await;
    assert_eq!(checked(&ended, "STALE_AFTER"), "3s");
    assert_eq!(checked(&ended, "UPSTREAM_TIMEOUT"), "2h");
    assert_eq!(checked(&ended, "SHUTDOWN_GRACE"), "4s");
}

#[tokio::test]
async fn a_blank_variable_does_not_hide_that_of_dotenv() {
    for blank in ["", " ", "\t "] {
        let setup = Setup::new().dotenv("STALE_AFTER=3s\nGITHUB_PATS=ghp_a,ghp_b,ghp_c\n");
        let setup = setup.set("STALE_AFTER", blank).set("GITHUB_PATS", blank);
        let ended = setup.run(&["check"]).await;
        assert_eq!(checked(&ended, "STALE_AFTER"), "3s", "{blank:?}");
        assert!(ended.stdout.contains("3 tokens"), "{}", ended.stdout);
    }
    // A blank line in the file does not hide a later one, and a variable that is blank everywhere
    // is unset.
    let setup = Setup::new().set("STALE_AFTER", "").dotenv("STALE_AFTER=\nSTALE_AFTER=' '\n");
    assert_eq!(checked(&setup.run(&["check"]).await, "STALE_AFTER"), "2s");
    let setup = Setup::new().unset("GITHUB_PATS").dotenv("GITHUB_PATS=''\n");
    setup.run(&["check"]).await.assert_code(CONFIGURATION).assert_complaint(
        "GITHUB_PATS: is required; accepted: a comma-separated list of GitHub tokens",
    );
}

#[tokio::test]
async fn a_blank_variable_hides_none_that_dotenv_refers_to() {
    for blank in ["", " ", "\t "] {
        let setup = Setup::new().unset("GITHUB_PATS").dotenv(
            "TOKENS=ghp_a,ghp_b,ghp_c\nGITHUB_PATS=${TOKENS}\nHOURS=9\nSTALE_AFTER=${HOURS}s\n\
             SHUTDOWN_GRACE=$HOURS-$HOURS\nCACHE_DIR='$HOURS'\n",
        );
        let setup = setup.set("TOKENS", blank).set("HOURS", blank).set("SHUTDOWN_GRACE", "1s");
        let ended = setup.run(&["check"]).await;
        assert!(ended.stdout.contains("3 tokens"), "{ended:?}");
        assert_eq!(checked(&ended, "STALE_AFTER"), "9s", "{blank:?}");
        assert_eq!(checked(&ended, "CACHE_DIR"), "'$HOURS'", "{blank:?}");
    }
}

#[tokio::test]
async fn values_that_multiply_are_refused() {
    let text = (1..40).fold(format!("A0={CANARY}\n"), |text, at| {
        text + &format!("A{at}=$A{before}$A{before}\n", before = at - 1)
    });
    let sentence = "makes the values longer than 1048576 bytes in all";
    assert_refused(&Setup::new().dotenv(&text), sentence).await;
}

#[tokio::test]
async fn a_dotenv_that_cannot_be_seen_is_not_said_to_be_absent() {
    let setup = Setup::new();
    // The link leads to itself: root may search any folder, and tests may run as root.
    symlink(".env", setup.folder().join(".env")).unwrap();
    let ended = setup.run(&["check"]).await;
    ended.assert_code(0);
    let said = "# read from the environment; a .env in the working folder cannot be seen\n";
    assert!(ended.stdout.starts_with(said), "{}", ended.stdout);
}

#[tokio::test]
async fn a_dotenv_of_a_folder_above_is_not_read() {
    let setup = Setup::new().dotenv("STALE_AFTER=3s\n");
    let below = setup.folder().join("below");
    fs::create_dir(&below).unwrap();
    let mut command = setup.command(&["check"]);
    let output = command.current_dir(&below).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nSTALE_AFTER=2s"), "{text}");
}

#[tokio::test]
async fn a_file_that_others_may_write_to_is_refused() {
    for mode in [0o666, 0o602, 0o646, 0o777, 0o402] {
        let setup = Setup::new().dotenv(&format!("GITHUB_PATS={CANARY}\n"));
        let path = setup.folder().join(".env");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let path = path.canonicalize().unwrap();
        let sentence =
            format!("{} is refused: other users may write to it (mode {mode:04o})", path.display());
        assert_refused(&setup, &sentence).await;
    }
    for mode in [0o600, 0o400, 0o644, 0o640] {
        let setup = Setup::new().dotenv("STALE_AFTER=3s\n");
        fs::set_permissions(setup.folder().join(".env"), Permissions::from_mode(mode)).unwrap();
        assert_eq!(checked(&setup.run(&["check"]).await, "STALE_AFTER"), "3s", "{mode:o}");
    }
}

#[tokio::test]
async fn a_file_or_link_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        // Only root can change the owner of a file; a unit test covers the same rule.
        return;
    }
    let setup = Setup::new().dotenv(&format!("GITHUB_PATS={CANARY}\n"));
    chown(setup.folder().join(".env"), Some(STRANGER), None).unwrap();
    assert_refused(&setup, "it belongs to the user 12345").await;

    // The file's group may write to it, and is not our own.
    let setup = Setup::new().dotenv(&format!("GITHUB_PATS={CANARY}\n"));
    let path = setup.folder().join(".env");
    chown(&path, None, Some(STRANGER)).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o660)).unwrap();
    assert_refused(&setup, "other users may write to it (mode 0660)").await;

    // Root's own group has other members.
    chown(&path, None, Some(0)).unwrap();
    assert_refused(&setup, "other users may write to it (mode 0660)").await;

    // A link of another user could lead to a file of ours with another purpose.
    let setup = Setup::new();
    let (path, target) = (setup.folder().join(".env"), setup.folder().join("other.env"));
    fs::write(&target, "STALE_AFTER=3s\n").unwrap();
    symlink(&target, &path).unwrap();
    assert_eq!(checked(&setup.run(&["check"]).await, "STALE_AFTER"), "3s");
    std::os::unix::fs::lchown(&path, Some(STRANGER), None).unwrap();
    assert_refused(&setup, "the link belongs to the user 12345").await;
    // A link of ours leads to a file of another user.
    std::os::unix::fs::lchown(&path, Some(0), None).unwrap();
    chown(&target, Some(STRANGER), None).unwrap();
    assert_refused(&setup, "it belongs to the user 12345").await;
}

#[tokio::test]
async fn a_dotenv_that_is_no_file_is_ignored_with_a_warning() {
    let folder = Setup::new();
    fs::create_dir(folder.folder().join(".env")).unwrap();
    let pipe = Setup::new();
    let path = pipe.folder().join(".env");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let device = Setup::new();
    symlink("/dev/zero", device.folder().join(".env")).unwrap();
    for (setup, kind) in [(&folder, "a folder"), (&pipe, "a named pipe"), (&device, "a device")] {
        let ended = setup.run(&["check"]).await;
        ended.assert_code(0);
        let warning = format!(".env is {kind}, which is ignored");
        assert!(ended.stderr.contains(&warning), "{}", ended.stderr);
        let svm = setup.start().await;
        let ended = svm.terminate().await;
        assert!(ended.stdout.contains(&warning), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_file_without_end_is_refused() {
    let setup = Setup::new().dotenv(&"#\n".repeat(600_000));
    assert_refused(&setup, "is refused: it has more than 1048576 bytes").await;
}

#[tokio::test]
async fn the_log_names_the_file_that_was_read() {
    let setup = Setup::new().dotenv("STALE_AFTER=3s\n");
    let path = setup.folder().canonicalize().unwrap().join(".env");
    let svm = setup.start().await;
    assert_eq!(svm.says("configuration").await["dotenv"], path.display().to_string());
    let svm = Setup::new().start().await;
    assert_eq!(svm.says("configuration").await["dotenv"], "none");
}
