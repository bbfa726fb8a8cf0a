# The arguments of svm, for bash.
_svm() {
    local words='check healthcheck --help --version'
    [[ ${COMP_WORDS[1]} != healthcheck || $COMP_CWORD -eq 1 ]] || words=--ready
    ((COMP_CWORD > 1)) && [[ $words != --ready ]] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -F _svm svm
