# Bash completion for netecho, as `netecho completions bash` prints it.

_netecho_completion() {
    local line=${COMP_LINE:0:COMP_POINT} kind value rest
    COMPREPLY=()
    while IFS=$'\t' read -r kind value rest; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            prefix) COMPREPLY+=("$value") && compopt -o nospace ;;
            file) compopt -o default ;;
        esac
    done < <(_NETECHO_COMPLETE=bash_complete COMP_LINE=$line COMP_WORDBREAKS=$COMP_WORDBREAKS \
        "${1/#\~/$HOME}" 2>/dev/null)
}

complete -o nosort -F _netecho_completion netecho
