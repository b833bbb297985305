/**
 * The completion script of each shell. A script knows no command and no option: it passes the words up to the cursor to
 * `layerstash complete`, and gets lines `WORD<tab>DESCRIPTION`, and the line `:files` if a path may stand there, too.
 *
 * @module
 */

// bash splits words at "=" and ":", and wants only what comes after them. No blank follows a word that must go on.
const BASH = `# completions of layerstash for bash: source <(layerstash completions bash)
_layerstash() {
  local i word line current before words=()
  for (( i = 1; i <= COMP_CWORD; i++ )); do
    word="\${COMP_WORDS[i]}"
    if [[ $word == "=" ]]; then
      (( i == COMP_CWORD )) && words+=("")
    elif (( i > 1 )) && [[ $word == ":" || \${COMP_WORDS[i-1]} == ":" ]]; then
      words[\${#words[@]}-1]+="$word"
    else
      words+=("$word")
    fi
  done
  current="\${words[\${#words[@]}-1]}"
  before="\${current%"\${current##*:}"}"
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      while IFS= read -r word; do COMPREPLY+=("\${word#"$before"}"); done < <(compgen -f -- "$current")
      compopt -o filenames 2>/dev/null
    else
      word="\${line%%$'\\t'*}"
      COMPREPLY+=("\${word#"$before"}")
      [[ $word == *[:/] ]] && compopt -o nospace 2>/dev/null
    fi
  done < <("\${COMP_WORDS[0]}" complete -- "\${words[@]}" 2>/dev/null)
}
complete -F _layerstash layerstash
`;

const ZSH = `#compdef layerstash
# completions of layerstash for zsh: source <(layerstash completions zsh)
_layerstash() {
  local line word files=0
  local -a described unfinished
  while IFS= read -r line; do
    if [[ $line == :files ]]; then files=1; continue; fi
    word="\${line%%$'\\t'*}"
    if [[ $word == *[:/] ]]; then unfinished+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
    else described+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done < <("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#described )) && _describe layerstash described
  (( $#unfinished )) && _describe layerstash unfinished -S ''
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

// Before PowerShell 7.3, an empty argument to a program is dropped, and the words would be counted wrongly: so it is quoted.
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

/** The shells that have a script. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** The script of each shell. */
export const COMPLETION_SCRIPTS: Readonly<Record<typeof SHELLS[number], string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
  powershell: POWERSHELL,
};
