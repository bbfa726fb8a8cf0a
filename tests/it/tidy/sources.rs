//! Rules about the sources: the invariants of docs/ARCHITECTURE.md that a text search can check.

use std::collections::BTreeSet;

use super::{File, assert_none, files};

/// Words that only some files of the code may contain. Comments and tests may contain any word.
struct Rule {
    what: &'static str,
    words: &'static [&'static str],
    /// The beginnings of the paths that the rule applies to.
    within: &'static [&'static str],
    /// The beginnings of the paths that are exempt.
    except: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        what: "the HTTP interface never talks to the store",
        words: &["crate::store", "store::"],
        within: &["src/http"],
        except: &[],
    },
    Rule {
        what: "the HTTP interface never talks to the upstream",
        words: &["upstream::Upstream", "Upstream,", "Ask"],
        within: &["src/http"],
        except: &[],
    },
    Rule {
        what: "the cache never sees a header of ours",
        words: &["crate::http", "HeaderMap", "HeaderName"],
        within: &["src/cache"],
        except: &[],
    },
    Rule {
        what: "only http::render knows our header names",
        words: &["x-cache", "cache-status", "x-upstream-status"],
        within: &["src/"],
        except: &["src/http/render.rs"],
    },
    Rule {
        what: "pure modules wait for nothing, read no file and no clock",
        words: &["tokio", "std::fs", "async ", "Clock", "Stopwatch", "SystemTime", "Instant"],
        within: &[
            "src/activity/charges.rs",
            "src/activity/interval.rs",
            "src/cache/mutability.rs",
            "src/cache/policy",
            "src/cache/release.rs",
            "src/cache/write_behind/queue.rs",
            "src/config",
            "src/gzip.rs",
            "src/http/client_rate/bucket.rs",
            "src/revalidate/ceiling.rs",
            "src/revalidate/plan.rs",
            "src/store/breaker.rs",
            "src/store/record",
            "src/target",
            "src/upstream/condition.rs",
            "src/upstream/content_coding.rs",
            "src/upstream/etag.rs",
            "src/upstream/identity.rs",
            "src/upstream/slots/shares.rs",
            "src/upstream/slots/window.rs",
            "src/upstream/rate_limit.rs",
            "src/upstream/cooldown.rs",
            "src/secret",
            "src/upstream/tokens/",
        ],
        except: &[],
    },
    Rule {
        what: "only config::process reads the environment",
        words: &["env::var", "env::vars", "env::set_var"],
        within: &["src/"],
        except: &["src/config/process.rs"],
    },
    Rule {
        what: "only config::dotenv reads .env, into no environment",
        words: &["dotenvy"],
        within: &["src/"],
        except: &["src/config/dotenv.rs"],
    },
    Rule {
        what: "nothing loads .env into the environment",
        words: &[
            "dotenvy::load",
            "dotenvy::dotenv",
            "dotenvy::from_path",
            "dotenvy::from_filename",
            ".load()",
        ],
        within: &["src/"],
        except: &[],
    },
    Rule {
        what: "only tasks spawns",
        words: &["tokio::spawn", "task::spawn", "spawn_blocking", "thread::spawn", "JoinSet"],
        within: &["src/"],
        except: &["src/tasks.rs"],
    },
    Rule {
        what: "only clock reads time",
        words: &["SystemTime::now", "Instant::now"],
        within: &["src/"],
        except: &["src/clock.rs"],
    },
    Rule {
        what: "only app constructs components",
        words: &[
            "Cache::new(",
            "Compressor::new(",
            "TokenPool::new(",
            "Embedded::open(",
            "Redis::new(",
            "WriteBehind::new(",
            "Guard::new(",
            "Revalidator::new(",
        ],
        within: &["src/"],
        except: &["src/app.rs"],
    },
    Rule {
        what: "the cache reads the store through its guard",
        words: &["dyn Store"],
        within: &["src/cache"],
        except: &["src/cache/write_behind.rs"],
    },
    Rule {
        what: "every queue has a bound",
        words: &["unbounded_channel", "mpsc::channel()"],
        within: &["src/"],
        except: &[],
    },
];

const LONGEST_FILE: usize = 400;

#[test]
fn modules_keep_to_their_side() {
    let files = sources();
    let tests = test_modules(&files);
    let production = files.iter().filter(|file| !is_test(&file.path, &tests));
    assert_none(production.flat_map(|file| {
        let code = code(&file.text);
        RULES.iter().filter(|rule| rule.is_about(&file.path)).flat_map(move |rule| {
            rule.words.iter().filter_map({
                let code = code.clone();
                move |word| {
                    let line = code.iter().find(|(_, line)| line.contains(word))?;
                    let Rule { what, .. } = rule;
                    Some(format!("{}:{}: {what}, and here is `{word}`", file.path, line.0))
                }
            })
        })
    }));
}

#[test]
fn every_rule_is_about_some_file() {
    let files = sources();
    for rule in RULES {
        for place in rule.within.iter().chain(rule.except) {
            assert!(files.iter().any(|file| file.path.starts_with(place)), "no file is {place}");
        }
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = rust_files().into_iter().filter(|file| !file.text.starts_with("//! "));
    assert_none(silent.map(|file| format!("{} does not begin with //!", file.path)));
}

#[test]
fn files_are_short() {
    let long = rust_files().into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > LONGEST_FILE).then(|| format!("{} has {lines} lines", file.path))
    });
    assert_none(long);
}

#[test]
fn modules_are_named_by_their_files() {
    let old = rust_files().into_iter().filter(|file| file.path.ends_with("/mod.rs"));
    assert_none(old.map(|file| format!("{}: foo.rs and foo/ instead of foo/mod.rs", file.path)));
}

#[test]
fn no_test_is_ignored_or_content_with_any_panic() {
    // Each word is in two parts, so that this file does not contain it.
    let words = [concat!("#[ign", "ore"), concat!("#[should", "_panic")];
    assert_none(rust_files().iter().flat_map(|file| {
        let found = words.iter().filter(|word| file.text.contains(**word));
        found.map(|word| format!("{}: {word}", file.path)).collect::<Vec<_>>()
    }));
}

#[test]
fn nothing_names_a_machine_or_a_registry() {
    let words = [
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/"),
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("python", "hosted"),
        concat!("npmjs", ".org"),
        concat!("docker", ".io"),
        concat!("ghcr", ".io"),
    ];
    // Cargo writes the origin of each package.
    let files = files("").into_iter().filter(|file| !file.path.ends_with("Cargo.lock"));
    assert_none(files.flat_map(|file| {
        let found = words.iter().filter(|word| file.text.contains(**word));
        found.map(|word| format!("{}: {word}", file.path)).collect::<Vec<_>>()
    }));
}

impl Rule {
    fn is_about(&self, path: &str) -> bool {
        let below = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
        below(self.within) && !below(self.except)
    }
}

/// Returns the files of the service.
pub(super) fn sources() -> Vec<File> {
    rust_files_in("src")
}

pub(super) fn rust_files() -> Vec<File> {
    rust_files_in("")
}

fn rust_files_in(folder: &str) -> Vec<File> {
    files(folder).into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

/// Returns the names of the modules that only test builds contain.
pub(super) fn test_modules(files: &[File]) -> BTreeSet<String> {
    let marked = files.iter().flat_map(|file| file.text.split("#[cfg(test)]\n").skip(1));
    let declared = marked.filter_map(|rest| {
        let line = rest.lines().next()?.strip_suffix(';')?;
        Some(line.rsplit_once("mod ")?.1.to_owned())
    });
    declared.collect()
}

/// Returns true if the file, or a folder that contains it, is one of these modules.
pub(super) fn is_test(path: &str, modules: &BTreeSet<String>) -> bool {
    path.split('/').any(|part| modules.contains(part.strip_suffix(".rs").unwrap_or(part)))
}

/// Returns the lines with their numbers, without comments and without the tests at the end.
pub(super) fn code(text: &str) -> Vec<(usize, &str)> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = (1..).zip(code.lines());
    lines.filter(|(_, line)| !line.trim_start().starts_with("//")).collect()
}

/// A function whose name is a question returns the answer, and changes nothing.
#[test]
fn questions_have_answers() {
    let is_question = |line: &str| {
        let name = line.split("fn ").nth(1).unwrap_or_default();
        ["is_", "has_", "was_", "are_", "were_", "may_"].iter().any(|word| name.starts_with(word))
    };
    let faults = sources()
        .into_iter()
        .filter(|file| !file.path.starts_with("src/fuzzing"))
        .flat_map(|file| {
            let lines = file.text.lines().zip(1..).filter(|(line, _)| is_question(line));
            let mute = lines.filter(|(line, _)| line.ends_with(") {"));
            mute.map(|(line, at)| format!("{}:{at}: {}", file.path, line.trim()))
                .collect::<Vec<_>>()
        });
    assert_none(faults);
}
