# Completion of otelcost for bash: eval "$(otelcost completion bash)" in ~/.bashrc
_otelcost_completion() {
    local kind value help
    COMPREPLY=()
    while IFS=$'\t' read -r kind value help; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            file) compopt -o default 2>/dev/null ;;
            dir) compopt -o dirnames 2>/dev/null ;;
            command) while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -A command -- "$2") ;;
        esac
    done < <(
        IFS=' '
        _OTELCOST_COMPLETE=bash_complete COMP_WORDS="${COMP_WORDS[*]:0:COMP_CWORD+1}" COMP_CWORD=$COMP_CWORD \
            "${1/#\~/$HOME}" 2>/dev/null
    )
}
complete -o nosort -F _otelcost_completion otelcost 2>/dev/null || complete -o default -F _otelcost_completion otelcost
