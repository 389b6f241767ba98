#compdef idevicetriage
# SPDX-License-Identifier: LGPL-2.1-or-later
# zsh completion for idevicetriage(1), which answers what may stand at the end of a command line.

local -a lines values shown
local line
integer first

lines=("${(@f)$(idevicetriage __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
case $lines[1] in
files)
	compset -P '--*='
	_files
	;;
folders)
	compset -P '--*='
	_files -/
	;;
program\ *)
	first=$(( ${lines[1]#* } + 2 ))
	words=("${(@)words[first,-1]}")
	(( CURRENT -= first - 1 ))
	_normal
	;;
words)
	for line in "${(@)lines[2,-1]}"; do
		values+=("${line%%$'\t'*}")
		shown+=("${line%%$'\t'*}${${line#*$'\t'}:+  -- ${line#*$'\t'}}")
	done
	(( $#values )) || return 1
	if [[ $values[1] == *= ]]; then
		compadd -V idevicetriage -l -S '' -d shown -a values
	else
		compadd -V idevicetriage -l -d shown -a values
	fi
	;;
esac
