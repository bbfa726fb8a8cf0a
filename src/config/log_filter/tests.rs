//! The accepted words, and the suggestions for others.

use super::*;

#[test]
fn levels_and_targets_of_the_program_are_taken() {
    for (text, taken) in [
        ("info", "info"),
        ("WARN", "warn"),
        ("Trace", "trace"),
        ("3", "info"),
        ("off", "off"),
        ("0", "off"),
        ("svm", "svm=trace"),
        ("svm=debug", "svm=debug"),
        ("svm::access=info", "svm::access=info"),
        ("svm::access", "svm::access=trace"),
        ("svm::upstream=debug", "svm::upstream=debug"),
        ("svm::cache::policy=debug,off", "svm::cache::policy=debug,off"),
        ("svm=off", "svm=off"),
        ("info, svm::access = off", "svm::access=off,info"),
        ("off,hyper=debug", "hyper=debug,off"),
        ("hyper,info", "hyper=trace,info"),
        ("hyper_util::client::legacy=debug,info", "hyper_util::client::legacy=debug,info"),
        ("info,tower_http=warn", "tower_http=warn,info"),
        ("elsewhere::part,info", "elsewhere::part=trace,info"),
        ("info,debug", "debug"),
    ] {
        let filter = log_filter(text).unwrap_or_else(|problem| panic!("{text:?} {problem}"));
        assert_eq!(filter.to_string(), taken, "{text:?}");
        assert_eq!(log_filter(taken), Ok(filter), "{taken:?} is read again");
    }
}

#[test]
fn the_crates_are_in_the_program() {
    let lock = include_str!("../../../Cargo.lock");
    for name in CRATES.into_iter().filter(|name| *name != "svm") {
        let spelled = [name.to_owned(), name.replace('_', "-")];
        let is_there = spelled.iter().any(|it| lock.contains(&format!("\nname = \"{it}\"\n")));
        assert!(is_there, "{name}");
    }
}

#[test]
fn other_words_are_refused_with_the_nearest() {
    for (text, said) in [
        ("warning", r#"no level or target "warning"; did you mean "warn"?"#),
        ("inof", r#"no level or target "inof"; did you mean "info"?"#),
        ("INOF", r#"no level or target "INOF"; did you mean "info"?"#),
        ("err", r#"did you mean "error"?"#),
        ("fatal", r#"did you mean "error"?"#),
        ("svm=Verbose", r#"did you mean "debug"?"#),
        ("none", r#"did you mean "off"?"#),
        ("SVM=debug", r#"no target "SVM"; did you mean "svm"?"#),
        ("svm::cahce=debug", r#"no module of svm "cahce"; did you mean "cache"?"#),
        ("info,svm::acess=off", r#"no module of svm "acess"; did you mean "access"?"#),
        ("off,svm::acess=info", r#"no module of svm "acess"; did you mean "access"?"#),
        ("svm::acces=info,off", r#"no module of svm "acces"; did you mean "access"?"#),
        ("svm::Access=off,info", r#"no module of svm "Access"; did you mean "access"?"#),
        ("svm::access::x=info,off", r#"no module of svm "access::x"; did you mean "access"?"#),
        ("svm::nope", r#"no module of svm "nope""#),
        ("off,svm::version=debug", r#"no module of svm "version""#),
        ("svm::up=debug", r#"no module of svm "up""#),
        ("smv", r#"did you mean "svm"?"#),
        ("6", r#"no level or target "6""#),
        ("+3", r#"no level or target "+3""#),
        ("info svm=debug", r#"no target "info svm""#),
        ("info;debug", r#"no level or target "info;debug"; did you mean "info"?"#),
        ("svm=inof", r#"no level "inof"; did you mean "info"?"#),
        ("svm=", r#"no level """#),
        ("svm=debug=x", r#"no level "debug=x"; did you mean "debug"?"#),
        ("=info", "no target before the ="),
        ("info,", r#"did you mean "info"?"#),
        (",info", r#"did you mean "info"?"#),
        ("info,,svm=debug", r#"did you mean "info,svm=debug"?"#),
        (" , ", r#"a comma with nothing beside it; did you mean "info"?"#),
        ("info,smv=debug", r#"no target "smv"; did you mean "svm"?"#),
        ("svm:access=off,info", r#"no target "svm:access"; did you mean "svm"?"#),
        ("svm[span]=debug", r#"no target "svm[span]"; did you mean "svm"?"#),
        ("svm[{url}]=debug", r#"no target "svm[{url}]""#),
        ("svm::=debug", r#"no target "svm::""#),
        ("svm-access=debug,info", r#"no target "svm-access""#),
        ("hyper=debug", r#"logs nothing of svm; did you mean "info,hyper=debug"?"#),
        ("svm::access=off", r#"did you mean "info,svm::access=off"?"#),
        ("elsewhere=debug", r#"did you mean "info,elsewhere=debug"?"#),
    ] {
        let problem = log_filter(text).expect_err(text);
        assert!(problem.contains(said), "{text:?} {problem}");
    }
    let long = "a b".repeat(100);
    let mut filters = vec![long.clone(), format!("svm={long}"), format!("{long}=info")];
    filters.push(format!("svm::{long}=info"));
    filters.push(format!("{},hyper=debug,", "elsewhere,".repeat(40)));
    filters.push((0..40).map(|at| format!("x{at}::y=debug")).collect::<Vec<_>>().join(","));
    for text in filters {
        let problem = log_filter(&text).expect_err(&text);
        assert!(problem.len() < 200, "{problem}");
    }
    for text in ["ghp_secret", "svm=ghp_secret", "info,http://user:se,cret@host"] {
        assert_eq!(log_filter(text).expect_err(text), "is not a log filter");
    }
}

#[test]
fn the_modules_are_those_of_svm() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let names = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let others = ["lib", "main", "fuzzing"];
    let mut modules: Vec<_> = names.filter(|name| !others.contains(&name.as_str())).collect();
    modules.push("access".to_owned());
    modules.sort();
    assert_eq!(modules, MODULES);
}
