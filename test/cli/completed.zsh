# Prints, for each line, what the key that completes makes of it in a zsh that a person could type into:
# zsh -f completed.zsh SCRIPT LINE...
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; source $1; offer() { zle complete-word; print -r -- \"<<\$BUFFER>>\"; BUFFER=; zle accept-line }; zle -N offer; bindkey '^T' offer; print REA''DY"
zpty -r -m z out '*READY*'
shift
for line in "$@"; do
  zpty -w -n z "$line"$'\C-t'
  zpty -r -m z out '*<<*>>*'
  print -r -- "$out"
done
