#compdef netecho
# Zsh completion for netecho, as `netecho completions zsh` prints it.

_netecho() {
    local -a answer fields words_alone words_told starts_alone starts_told
    local line="${(j: :)words[1,CURRENT-1]} $PREFIX" entry name
    answer=("${(@f)$(_NETECHO_COMPLETE=zsh_complete COMP_LINE=$line "${words[1]/#\~/$HOME}" 2>/dev/null)}")
    for entry in $answer; do
        fields=("${(@ps:\t:)entry}")
        name=${fields[2]//:/\\:}
        case $fields[1] in
            plain) [[ -n $fields[3] ]] && words_told+=("$name:$fields[3]") || words_alone+=("$fields[2]") ;;
            prefix) [[ -n $fields[3] ]] && starts_told+=("$name:$fields[3]") || starts_alone+=("$fields[2]") ;;
            file) compset -P "${(b)fields[3]}"; _path_files ;;
        esac
    done
    (( $#words_told )) && _describe -V netecho words_told -U
    (( $#starts_told )) && _describe -V netecho starts_told -U -S ''
    (( $#words_alone )) && compadd -U -V netecho -a words_alone
    (( $#starts_alone )) && compadd -U -V netecho -S '' -a starts_alone
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _netecho "$@"
else
    compdef _netecho netecho
fi
