# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for idevicetriage(1). It does not query the daemon: Tab must never block.

_idevicetriage() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local shared='--socket --state-dir --json --reveal --color --help --version'
	local command='' i own=''

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) # The restore tool's own arguments.
			COMPREPLY=()
			compopt -o default
			return
			;;
		--socket | --state-dir | --color) i=$((i + 1)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	for (( ; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			COMPREPLY=()
			compopt -o default
			return
		fi
	done

	case $before in
	--color) COMPREPLY=($(compgen -W 'auto always never' -- "$word")); return ;;
	--earpiece-flex | --display)
		COMPREPLY=($(compgen -W 'connected original replaced disconnected known-good unknown' -- "$word"))
		return
		;;
	--outcome)
		COMPREPLY=($(compgen -W 'succeeded failed aborted not-started ended-unknown' -- "$word"))
		return
		;;
	--host-os) COMPREPLY=($(compgen -W 'linux macos windows' -- "$word")); return ;;
	--action) COMPREPLY=($(compgen -W 'update erase boot' -- "$word")); return ;;
	--by) COMPREPLY=($(compgen -W 'port cable bench model week tool' -- "$word")); return ;;
	--on)
		COMPREPLY=($(compgen -W 'session-ended diagnosis-changed port-suspect' -- "$word"))
		return
		;;
	--battery)
		COMPREPLY=($(compgen -W 'connected original replaced disconnected known-good third-party unknown' -- "$word"))
		return
		;;
	--socket | --log | --output | --case | --cursor | -o) compopt -o default; return ;;
	--state-dir) COMPREPLY=($(compgen -d -- "$word")); return ;;
	--cable | --port | --device | --host | --tool | --ecid | --ticket | --condition | --timeout | --limit | --after | --name \
		| --before | --since | --history | --error | --operation | --stage | --entry | --firmware | --model | --at | --session | --unset | --correct) return ;;
	esac

	case $command in
	'') own='status watch sessions log diagnose report explain doctor case stats metrics note attempt conditions panics run wait hook import export purge help' ;;
	sessions) own='--limit' ;;
	log) own='--follow --after' ;;
	diagnose) own='--short --all --verbose --case --log' ;;
	report) own='--output' ;;
	panics) own='--file --output --verbose'
		compopt -o default ;;
	export) own='--output --mask' ;;
	stats) own='--by --since' ;;
	metrics) own='--output' ;;
	note) own='--history --correct --remove --session' ;;
	attempt) own='--outcome --error --host --host-os --tool --operation --stage --action --entry --firmware --model
		--cable --port --earpiece-flex --display --battery --minimal-boot --condition --ticket --at --session --unset --remove' ;;
	conditions) own='--cable --earpiece-flex --display --battery --minimal-boot --condition --name --session --unset' ;;
	purge) own='--before --yes' ;;
	run) own='--cable --port --earpiece-flex --display --battery --minimal-boot --condition --ticket
		--ecid --log --' ;;
	wait) own='--ticket --next --timeout' ;;
	hook) own='--on --cursor --timeout --' ;;
	import) own='--dry-run --outcome --device --host --host-os --tool --action --firmware --model --cable --port --earpiece-flex --display --battery
		--minimal-boot --condition --ticket'
		compopt -o default ;;
	esac
	COMPREPLY=($(compgen -W "$own $shared" -- "$word"))
}
complete -F _idevicetriage idevicetriage
