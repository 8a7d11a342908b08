# Runs what the tests ask for, a command a line on standard input, and answers each with its status. When
# the input ends, because whoever asked has ended, it stops what was started and removes its directory.
#
#   supervisor.sh AT_THE_END PARENT...    the directory is made in the first parent that has room for it

# Nothing but the end of its input ends it: neither a signal to all, nor an answer that nobody reads.
trap '' HUP INT TERM PIPE
at_the_end=$1
shift

room() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { exit $4 < 1048576 } END { if (NR < 2) exit 1 }'; }
for parent in "$@"; do
    room "$parent" && dir=$(mktemp -d "$parent/messaging-test-XXXXXX" 2>/dev/null) && break
done
[ -n "$dir" ] && cd "$dir" || exit
echo "$dir"

while read -r command; do
    (eval "$command") </dev/null >>log 2>&1
    echo $?
done

(eval "$at_the_end") </dev/null >>log 2>&1
cd /
rm -rf "$dir"
