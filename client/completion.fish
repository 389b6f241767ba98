# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for idevicetriage(1), which answers what may stand at the end of a command line.

function __idevicetriage_complete
    set -l word (commandline -ct)
    set -l words (commandline -opc)[2..-1] $word
    set -l lines (idevicetriage __complete $words 2>/dev/null)
    set -l start (string match -r -- '^--[a-z-]+=' $word)
    set -l rest (string replace -r -- '^--[a-z-]+=' '' $word)
    switch "$lines[1]"
        case files
            printf "$start%s\n" (__fish_complete_path $rest)
        case folders
            printf "$start%s\n" (__fish_complete_directories $rest)
        case 'program *'
            set -l first (math (string replace 'program ' '' $lines[1]) + 1)
            set -l own $words[$first..-1]
            complete -C (string join -- ' ' (string escape -- $own[1..-2]) $word)
        case words
            printf '%s\n' $lines[2..-1]
    end
end
complete -c idevicetriage -f -a '(__idevicetriage_complete)'
