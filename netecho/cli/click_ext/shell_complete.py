"""Completion scripts for bash, zsh and fish, and the answers to what they ask."""

from __future__ import annotations

import os
import re
from typing import ClassVar

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

_BASH = r"""# Bash completion for netecho, as `netecho completions bash` prints it.

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
"""

_ZSH = r"""#compdef netecho
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
"""

_FISH = r"""# Fish completion for netecho, as `netecho completions fish` prints it.

function __netecho_complete
    set -l command (commandline --tokenize --cut-at-cursor --current-process)[1]
    set -l line (commandline --cut-at-cursor --current-process | string join ' ')
    for entry in (env _NETECHO_COMPLETE=fish_complete COMP_LINE="$line" $command 2>/dev/null)
        set -l fields (string split \t -- $entry)
        if test $fields[1] = file
            for path in (__fish_complete_path $fields[2])
                echo -- $fields[3]$path
            end
        else
            string join \t -- $fields[2..]
        end
    end
end

complete --command netecho --no-files --arguments '(__netecho_complete)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


class _Asking(ShellComplete):
    """A shell that asks with the line up to the cursor."""

    script: ClassVar[str]

    def source(self) -> str:
        """Return the script."""
        return self.script

    def get_completion_args(self) -> tuple[list[str], str]:
        """Split the line into the words that are complete and the one that is being typed."""
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words[1:], incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Answer with whole words: of `--option=value` too, where Click gives the value alone."""
        option = _option_of(incomplete)
        return [
            CompletionItem(item.value, type="file", help=option)
            if item.type == "file"
            else CompletionItem(option + item.value, type=item.type, help=item.help)
            for item in super().get_completions(args, incomplete)
        ]

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Print an answer on a line."""
        return "\t".join((item.type, item.value, " ".join((item.help or "").split())))


def _option_of(incomplete: str) -> str:
    option, equals, _ = incomplete.partition("=")
    return option + equals if equals and option.startswith("-") else ""


class _Bash(_Asking):
    """Bash replaces only what follows the last of its word breaks, and takes words as they are to be typed."""

    name = "bash"
    script = _BASH

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Answer with what is to stand after the last break, with blanks and the like escaped."""
        breaks = set(os.environ.get("COMP_WORDBREAKS", "")).intersection(":=")
        kept = max(incomplete.rfind(each) for each in breaks) + 1 if breaks else 0
        return [
            CompletionItem(re.sub(r"([^\w@%+=:,./-])", r"\\\1", item.value[kept:]), type=item.type, help=item.help)
            for item in super().get_completions(args, incomplete)
        ]


class _Zsh(_Asking):
    name = "zsh"
    script = _ZSH


class _Fish(_Asking):
    name = "fish"
    script = _FISH


def register() -> None:
    """Have Click answer our scripts and not its own."""
    for each in (_Bash, _Zsh, _Fish):
        add_completion_class(each)
