/**
 * What teaches each shell to ask layerstash. A script knows no command and no option: it passes on the words up to
 * the cursor, and gets lines `WORD<tab>DESCRIPTION`, and the line `:files` where a path may stand too.
 *
 * @module
 */

// bash splits at "=" and ":", and wants only what comes after them.
const BASH = `# completions of layerstash for bash: source <(layerstash completions bash)
_layerstash() {
  local word line current="\${COMP_WORDS[COMP_CWORD]}" words=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == "=" ]] || words+=("$word")
  done
  [[ $current == "=" ]] && current=""
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
      compopt -o filenames 2>/dev/null
    else
      COMPREPLY+=("\${line%%$'\\t'*}")
    fi
  done < <("\${COMP_WORDS[0]}" complete -- "\${words[@]}" "$current" 2>/dev/null)
}
complete -F _layerstash layerstash
`;

const ZSH = `#compdef layerstash
# completions of layerstash for zsh: source <(layerstash completions zsh)
_layerstash() {
  local line files=0
  local -a described
  while IFS= read -r line; do
    if [[ $line == :files ]]; then files=1; continue; fi
    described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#described )) && _describe layerstash described
  (( files )) && _files
}
if [[ $funcstack[1] == _layerstash ]]; then _layerstash "$@"; else compdef _layerstash layerstash; fi
`;

const FISH = `# completions of layerstash for fish: layerstash completions fish | source
function __layerstash_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --current-token --cut-at-cursor)
    for line in ($words[1] complete -- $words[2..] "$current" 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete --command layerstash --no-files --arguments "(__layerstash_complete)"
`;

// Before PowerShell 7.3, an empty argument to a program is dropped: then the words are counted wrongly, so it is quoted.
const POWERSHELL = `# completions of layerstash for PowerShell:
#   layerstash completions powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName layerstash -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $program = $commandAst.CommandElements[0].ToString()
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
  $current = $wordToComplete
  if ($current -eq '' -and $PSVersionTable.PSVersion -lt [version]'7.3') { $current = '""' }
  & $program complete -- @words $current 2>$null | ForEach-Object {
    if ($_ -eq ':files') {
      [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete)
    } else {
      $word, $description = $_ -split [char]9, 2
      if (-not $description) { $description = $word }
      [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $description)
    }
  }
}
`;

/** The shells that can be taught. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** The script of each shell. */
export const COMPLETION_SCRIPTS: Readonly<Record<typeof SHELLS[number], string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
  powershell: POWERSHELL,
};
