# Runs commands from standard input, one per line, and answers each with its exit status. At the end of the
# input, when the test process has ended, it runs AT_THE_END and removes its directory.
#
#   supervisor.sh AT_THE_END PARENT...    the directory is made in the first parent that has room for it

# Only the end of its input ends it: neither a signal to the process group, nor a closed pipe.
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
