# A machine is a set of namespaces (pid, mount, network, uts, ipc) with a small init: two nodes, and the hub, where the
# control plane runs. Killing the init ends every process in it, and the kernel takes back its mounts and network.
# One process id per machine is kept outside, of unshare, whose child the init is: so nothing is ever ended by name.

# machine_start NAME: its init is lib/machine-init, its folder $WORK/NAME.
machine_start() {
    machine_is_up "$1" && return
    mkdir -p "$WORK/run" "$WORK/log" "$WORK/$1"
    launch "$1" unshare --fork --kill-child --pid --mount --net --uts --ipc --mount-proc --propagation private \
        "$E2E/lib/machine-init" "$1" "$WORK/$1"
    within 10 machine_is_ready "$1"
}

machine_is_ready() { [ "$(cat "/proc/$(machine_pid "$1")/comm")" = catatonit ]; }
machine_is_up() { launched "$1" >/dev/null; }

# The init, as seen from outside: the one child of unshare.
machine_pid() {
    local unshare
    unshare=$(launched "$1") && tr -d ' ' <"/proc/$unshare/task/$unshare/children"
}

machine_run() {
    local pid
    pid=$(machine_pid "$1") || die "$1 is not up"
    shift
    # Not --wd: the folder may not exist there, and a machine's paths are absolute.
    nsenter -t "$pid" -p -m -n -u -i -- "$@"
}

machine_kill() {
    local unshare init
    unshare=$(launched "$1") || return 0
    init=$(machine_pid "$1")
    # unshare takes its child with it, also when it was killed before the init began.
    kill -KILL ${init:+"$init"} "$unshare" 2>/dev/null || true
    within 10 gone "$unshare"
    [ -z "$init" ] || within 10 gone "$init"
    rm -f "$WORK/run/$1"
}

# machine_daemon MACHINE NAME CMD...: runs in the background, its pid inside the machine is in /run/NAME.pid there.
machine_daemon() {
    local machine=$1 name=$2
    shift 2
    machine_has "$machine" "$name" && return
    # shellcheck disable=SC2016
    machine_run "$machine" setsid --fork bash -c 'echo $$ >"/run/$0.pid"; exec "$@"' "$name" "$@" \
        >>"$WORK/log/$machine-$name.log" 2>&1 </dev/null {LOCK}>&-
}

# Whether the daemon lives: an ended one is reaped by the init, so its number is free.
machine_has() {
    # shellcheck disable=SC2016
    machine_run "$1" bash -c 'read -r pid </run/$0.pid && [ -d /proc/$pid ]' "$2" 2>/dev/null
}

# machine_kill_program MACHINE PROGRAM: all its processes there, by the file that they run. Prints how many it hit.
machine_kill_program() {
    # shellcheck disable=SC2016
    machine_run "$1" bash -c '
        hit=0
        for link in /proc/[0-9]*/exe; do
            file=$(readlink "$link") || continue
            [ "${file##*/}" = "$0" ] && kill -KILL "$(basename "$(dirname "$link")")" && hit=$((hit + 1))
        done
        echo "$hit"' "$2"
}

machine_daemons() {
    # shellcheck disable=SC2016
    machine_run "$1" bash -c 'cd /run && for f in *.pid; do [ -d "/proc/$(cat "$f")" ] && echo -n "${f%.pid} "; done' ||
        true
}

# launch NAME CMD...: a process of its own session whose pid and start time are kept in $WORK/run/NAME. It writes them
# itself before it becomes CMD, so an interrupted start leaves no process that is not written down.
launch() {
    local name=$1
    shift
    # shellcheck disable=SC2016
    setsid bash -c 'echo "$$ $(cut -d" " -f22 /proc/$$/stat)" >"$0.new"; mv "$0.new" "$0"; exec "$@"' \
        "$WORK/run/$name" "$@" >>"$WORK/log/$name.log" 2>&1 </dev/null {LOCK}>&- &
    within 5 launched "$name"
}

# Prints the pid if that very process still lives: numbers are used again, start times are not.
launched() {
    local pid start now
    read -r pid start 2>/dev/null <"$WORK/run/$1" || return 1
    now=$(cut -d' ' -f22 "/proc/$pid/stat" 2>/dev/null) || return 1
    [ "$now" = "$start" ] && ! gone "$pid" && echo "$pid"
}

gone() { [ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
