//! The completions of three shells, against the table of the command line.

use svm::commands::{COMMANDS, CommandEntry, HELP, OPTIONS, OptionEntry};

use super::read;

#[track_caller]
fn assert_file(path: &str, want: &str) {
    assert!(read(path) == want, "{path} must be\n\n{want}");
}

/// Returns the options of a command.
fn options(command: &CommandEntry) -> impl Iterator<Item = &OptionEntry> {
    command.options.iter().chain([&HELP])
}

fn long(option: &OptionEntry) -> String {
    format!("--{}", option.long)
}

#[test]
fn bash_completes_every_word() {
    let words = COMMANDS.iter().map(|command| command.word.to_owned());
    let words: Vec<_> = words.chain(OPTIONS.into_iter().map(long)).collect();
    let rest = COMMANDS.iter().map(|command| {
        let words: Vec<_> = options(command).map(long).collect();
        format!("    *:{}) words='{}' ;;\n", command.word, words.join(" "))
    });
    let (words, rest) = (words.join(" "), rest.collect::<String>());
    assert_file(
        "deploy/completions/svm.bash",
        &format!(
            r#"# The arguments of svm, for bash.
_svm() {{
    local words=
    case $COMP_CWORD:${{COMP_WORDS[1]}} in
    1:*) words='{words}' ;;
{rest}    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}")
}}
complete -F _svm svm
"#
        ),
    );
}

#[test]
fn zsh_completes_every_word() {
    let exclusive = |option: &OptionEntry| {
        let forms =
            option.short.map_or(long(option), |letter| format!("{{-{letter},{}}}", long(option)));
        format!("'(- *)'{forms}'[{}]'", option.summary)
    };
    let first: String =
        OPTIONS.into_iter().map(|it| format!("    {} \\\n", exclusive(it))).collect();
    let commands = COMMANDS.iter().map(|it| format!("{}\\:\"{}\"", it.word, it.summary));
    let commands = commands.collect::<Vec<_>>().join(" ");
    let rest = COMMANDS.iter().map(|command| {
        let own = command.options.iter().map(|it| format!("'{}[{}]' ", long(it), it.summary));
        let operand = match command.operand {
            "" => String::new(),
            name => format!(" '1:{name}:'"),
        };
        let own: String = own.collect();
        format!("{}) _arguments {own}{}{operand} ;;\n", command.word, exclusive(&HELP))
    });
    let rest: String = rest.collect();
    assert_file(
        "deploy/completions/_svm",
        &format!(
            r"#compdef svm
# The arguments of svm, for zsh.
local curcontext=$curcontext state line
_arguments -C \
{first}    '1:command:(({commands}))' \
    '*::argument:->rest'
[[ $state == rest ]] || return
case $words[1] in
{rest}esac
"
        ),
    );
}

#[test]
fn fish_completes_every_word() {
    let form = |option: &OptionEntry| {
        let short = option.short.map(|letter| format!("-s {letter} ")).unwrap_or_default();
        format!("{short}-l {} -d '{}'", option.long, option.summary)
    };
    let first = "complete -c svm -n __fish_is_first_arg";
    let commands =
        COMMANDS.iter().map(|it| format!("{first} -a {} -d '{}'\n", it.word, it.summary));
    let anywhere = OPTIONS.into_iter().map(|it| format!("{first} {}\n", form(it)));
    let behind = COMMANDS.iter().flat_map(|command| {
        let seen = format!("complete -c svm -n '__fish_seen_subcommand_from {}'", command.word);
        options(command).map(move |it| format!("{seen} {}\n", form(it))).collect::<Vec<_>>()
    });
    let lines: String = commands.chain(anywhere).chain(behind).collect();
    let head = "# The arguments of svm, for fish.\ncomplete -c svm -f\n";
    assert_file("deploy/completions/svm.fish", &format!("{head}{lines}"));
}

/// The summaries are between quotes and brackets of three shells.
#[test]
fn no_summary_needs_quotes() {
    let options = COMMANDS.iter().flat_map(|command| command.options).chain(OPTIONS);
    let summaries = options.map(|it| it.summary).chain(COMMANDS.iter().map(|it| it.summary));
    for summary in summaries {
        assert!(!summary.contains(['\'', '"', '[', ']', ':', '\\', '$', '`']), "{summary}");
    }
}
