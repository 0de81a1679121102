# Completion of otelcost for fish: otelcost completion fish > ~/.config/fish/completions/otelcost.fish
function _otelcost_completion
    set -l word (commandline -ct | string collect)
    set -l option (string match -r -- '^--?[^=]+=' "$word")
    set -l rest (string replace -- "$option" '' "$word")
    set -lx _OTELCOST_COMPLETE fish_complete
    set -lx COMP_WORDS (commandline -cp | string collect)
    set -lx COMP_CWORD (count (commandline -opc))
    for answer in (otelcost 2>/dev/null)
        set -l parts (string split \t -- $answer)
        switch $parts[1]
            case plain
                echo $parts[2]\t$parts[3]
            case file
                printf "$option%s\n" (__fish_complete_path "$rest")
            case dir
                printf "$option%s\n" (__fish_complete_directories "$rest")
            case command
                __fish_complete_command
        end
    end
end
complete --keep-order --no-files --command otelcost --arguments '(_otelcost_completion)'
