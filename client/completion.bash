# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for idevicetriage(1), which answers what may stand at the end of a command line.

_idevicetriage() {
	local words=() indices=() rest=$COMP_LINE raw=${COMP_WORDS[COMP_CWORD]} i

	# bash cuts words at = and : too. What follows without a blank belongs to the same word.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		if ((i > 0)) && [[ $rest != [[:space:]]* ]]; then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
			indices+=("$i")
		fi
		rest=${rest#*"${COMP_WORDS[i]}"}
	done
	[[ $raw == [=:] ]] && raw=
	local whole=${words[-1]}
	words=("${words[@]//[\\\"\']/}")

	local lines
	mapfile -t lines < <(idevicetriage __complete "${words[@]:1}" 2>/dev/null)
	COMPREPLY=()
	case ${lines[0]-} in
	files) compopt -o default ;;
	folders) compopt -o dirnames ;;
	program\ *)
		i=${indices[${lines[0]#* } + 1]}
		if declare -F _command_offset >/dev/null; then
			_command_offset "$i"
		elif ((i == COMP_CWORD)); then
			mapfile -t COMPREPLY < <(compgen -c -- "$raw")
		else
			compopt -o default
		fi
		;;
	words)
		local line word start=${whole%"$raw"}
		for line in "${lines[@]:1}"; do
			word=${line%%$'\t'*}
			word=${word#"$start"}
			[[ $raw == [\"\']* || $word != *[^a-zA-Z0-9_.,/:=@%+-]* ]] || printf -v word %q "$word"
			[[ $word == *= ]] && compopt -o nospace
			COMPREPLY+=("$word")
		done
		;;
	esac
}
complete -o nosort -F _idevicetriage idevicetriage
