//! Imports between the files of the sources: each names the file that defines the item, and none
//! closes a cycle.

use std::collections::{BTreeMap, BTreeSet};

use super::assert_none;
use super::sources::{code, is_test, sources, test_modules};

/// The segments of a path after `crate::`.
type Path = Vec<String>;

/// A file of the sources.
struct Module {
    file: String,
    path: Path,
    code: String,
}

/// Returns the production files by their paths.
fn modules() -> BTreeMap<Path, Module> {
    let files = sources();
    let tests = test_modules(&files);
    let production = files.into_iter().filter(|file| !is_test(&file.path, &tests));
    let modules = production.map(|file| {
        let code: Vec<_> = code(&file.text).into_iter().map(|(_, line)| line).collect();
        let name = file.path.trim_start_matches("src/").trim_end_matches(".rs");
        let path: Path = match name {
            "lib" => Path::new(),
            name => name.split('/').map(str::to_owned).collect(),
        };
        (path.clone(), Module { code: code.join("\n"), file: file.path, path })
    });
    modules.collect()
}

impl Module {
    /// Returns the names that the file itself defines.
    fn defined(&self) -> BTreeSet<&str> {
        // A type in `words! { .. }` counts as well.
        let is_outermost =
            |line: &&str| !line.starts_with([' ', '}', '#']) || line.starts_with("    pub enum ");
        self.code.lines().filter(is_outermost).filter_map(defined_name).collect()
    }

    /// Returns the paths of this crate that the code mentions, each from the root.
    fn mentioned(&self) -> Vec<Path> {
        let from_root = self.code.match_indices("crate::").map(|(at, root)| {
            trees(&self.code[at + root.len()..], &[]) // `crate::a::{b, c::d}`
        });
        let from_parent = self.code.match_indices("super::").filter_map(|(at, _)| {
            let is_inner = self.code[..at].ends_with("super::");
            (!is_inner).then(|| trees(&self.code[at..], &self.path))
        });
        from_root.chain(from_parent).flatten().collect()
    }
}

/// Returns the name that a line at the outermost level defines.
fn defined_name(line: &str) -> Option<&str> {
    const KINDS: [&str; 8] = ["fn", "struct", "enum", "trait", "type", "const", "static", "mod"];
    if let Some(name) = line.strip_prefix("macro_rules! ") {
        return name.split(' ').next();
    }
    let mut words = line.split(' ').skip_while(|word| !KINDS.contains(word));
    let name = words.by_ref().find(|word| !KINDS.contains(word))?;
    let end = name.find(|letter: char| !is_of_name(letter)).unwrap_or(name.len());
    (!line.contains("use ")).then_some(&name[..end])
}

/// Returns the paths at the start of a text: one path, or several with a common beginning.
fn trees(text: &str, base: &[String]) -> Vec<Path> {
    let mut path = base.to_vec();
    let mut rest = text;
    loop {
        if let Some(list) = rest.strip_prefix('{') {
            return items(list).into_iter().flat_map(|item| trees(item, &path)).collect();
        }
        let end = rest.find(|letter: char| !is_of_name(letter)).unwrap_or(rest.len());
        match &rest[..end] {
            "" | "self" => return vec![path],
            "super" => drop(path.pop()),
            name => path.push(name.to_owned()),
        }
        let Some(next) = rest[end..].strip_prefix("::") else { return vec![path] };
        rest = next;
    }
}

/// Returns the items of a list in braces; the opening brace is already removed.
fn items(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, letter) in list.char_indices() {
        match letter {
            ',' if depth == 0 => {
                items.push(list[start..at].trim());
                start = at + 1;
            }
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(list[start..at].trim());
                break;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    items.into_iter().filter(|item| !item.is_empty()).collect()
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Returns the file that a path leads into: the longest beginning that is a file.
fn target(path: &[String], modules: &BTreeMap<Path, Module>) -> Path {
    let beginnings = (0..=path.len()).rev().map(|length| &path[..length]);
    beginnings.into_iter().find(|path| modules.contains_key(*path)).unwrap_or_default().to_vec()
}

/// Returns the files that each file uses. A parent joins its children, so its use of them does not
/// count.
fn graph(modules: &BTreeMap<Path, Module>) -> BTreeMap<Path, BTreeSet<Path>> {
    let uses = |module: &Module| {
        let used = module.mentioned().into_iter().map(|path| target(&path, modules));
        used.filter(|used| !used.starts_with(&module.path)).collect()
    };
    modules.iter().map(|(path, module)| (path.clone(), uses(module))).collect()
}

/// Removes all files that are not on a cycle, and not on a path between cycles.
fn retain_cycles(graph: &mut BTreeMap<Path, BTreeSet<Path>>) {
    loop {
        let before = graph.len();
        let used: BTreeSet<_> = graph.values().flatten().cloned().collect();
        graph.retain(|path, uses| !uses.is_empty() && used.contains(path));
        let left: BTreeSet<_> = graph.keys().cloned().collect();
        graph.values_mut().for_each(|uses| uses.retain(|path| left.contains(path)));
        if graph.len() == before {
            return;
        }
    }
}

fn drawn(graph: &BTreeMap<Path, BTreeSet<Path>>) -> Vec<String> {
    let arrow = |(path, uses): (&Path, &BTreeSet<Path>)| {
        let uses: Vec<_> = uses.iter().map(|path| path.join("::")).collect();
        format!("{} -> {}", path.join("::"), uses.join(" "))
    };
    graph.iter().map(arrow).collect()
}

#[test]
fn no_files_use_each_other() {
    let mut graph = graph(&modules());
    println!("{}", drawn(&graph).join("\n"));
    retain_cycles(&mut graph);
    assert_none(drawn(&graph));
}

#[test]
fn a_parent_serves_what_it_defines() {
    let modules = modules();
    let faults = modules.values().flat_map(|module| {
        let through_parent = module.mentioned().into_iter().filter(|path| {
            let parent = target(path, &modules);
            let is_parent = parent.len() < module.path.len() && module.path.starts_with(&parent);
            let name = path.get(parent.len());
            is_parent && name.is_some_and(|name| !modules[&parent].defined().contains(&**name))
        });
        let fault =
            |path: Path| format!("{}: {} is defined in another file", module.file, path.join("::"));
        through_parent.map(fault).collect::<Vec<_>>()
    });
    assert_none(faults);
}

#[test]
fn paths_are_found_in_code() {
    let module = |code: &str| Module {
        file: String::new(),
        path: vec!["a".to_owned(), "b".to_owned()],
        code: code.to_owned(),
    };
    let mentioned = |code: &str| -> Vec<_> {
        module(code).mentioned().into_iter().map(|path| path.join("::")).collect()
    };
    assert_eq!(
        mentioned("use crate::c::{self, D,\n    e::{F, G},\n};"),
        ["c", "c::D", "c::e::F", "c::e::G"]
    );
    assert_eq!(
        mentioned("use super::d::E as F; super::super::f(crate::g::H)"),
        ["g::H", "a::d::E", "f"]
    );
    let code =
        "pub(super) const fn f() {\n    fn g() {}\nstruct S<T>;\nuse x::mod_y;\nmacro_rules! m {";
    assert_eq!(module(code).defined().into_iter().collect::<Vec<_>>(), ["S", "f", "m"]);
}
