# The arguments of svm, for bash.
_svm() {
    local words=
    case $COMP_CWORD:${COMP_WORDS[1]} in
    1:*) words='check healthcheck explain --help --help-all --version' ;;
    *:check) words='--help' ;;
    *:healthcheck) words='--ready --help' ;;
    *:explain) words='--json --help' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -F _svm svm
