//! The versions that CI uses: each is stated once, and none changes without a change in the
//! repository.

use super::{files, read};

#[test]
fn the_toolchain_is_the_oldest_that_is_supported() {
    let (cargo, toolchain) = (read("Cargo.toml"), read("rust-toolchain.toml"));
    let value = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("\n{name} = \"")).expect("the setting");
        rest.split('"').next().expect("its value").to_owned()
    };
    assert_eq!(value(&toolchain, "channel"), format!("{}.0", value(&cargo, "rust-version")));
}

#[test]
fn actions_are_pinned_by_hash() {
    let workflows = files(".github/workflows");
    let lines = workflows.iter().flat_map(|workflow| workflow.text.lines());
    let actions = lines.filter_map(|line| line.split_once("uses: "));
    let actions: Vec<_> = actions.map(|(_, action)| action).collect();
    assert!(actions.len() > workflows.len());
    for action in actions {
        let (_, pin) = action.split_once('@').expect("a version");
        let (hash, version) = pin.split_once(" # v").expect("a hash and the version that it is");
        assert!(hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{action}");
        assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{action}");
    }
}
