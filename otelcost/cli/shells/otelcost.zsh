#compdef otelcost
# Completion of otelcost for zsh: eval "$(otelcost completion zsh)" in ~/.zshrc
_otelcost_completion() {
    local kind value help found=1
    local -a described answers
    answers=("${(@f)$(_OTELCOST_COMPLETE=zsh_complete COMP_WORDS="${(j: :)words[1,CURRENT]}" \
        COMP_CWORD=$((CURRENT - 1)) ${~${(Q)words[1]}} 2>/dev/null)}")
    [[ $words[CURRENT] == -*=* ]] && compset -P '*='
    for answer in $answers; do
        IFS=$'\t' read -r kind value help <<< $answer
        case $kind in
            plain) described+=("${value//:/\\:}${help:+:$help}") ;;
            file) _files && found=0 ;;
            dir) _files -/ && found=0 ;;
            command) _command_names -e && found=0 ;;
        esac
    done
    (( $#described )) && _describe -V otelcost described && found=0
    return found
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _otelcost_completion "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
    compdef _otelcost_completion otelcost
fi
