# Fish completion for netecho, as `netecho completions fish` prints it.

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
