# What may be set from outside, the addresses, and small functions that every part uses.

CACHE=${STOWAGE_E2E_CACHE:-$HOME/.cache/stowage-e2e}
WORK=${STOWAGE_E2E_WORK:-/var/tmp/stowage-e2e}
# On 127.0.0.1: the one thing of the cluster that is seen outside its own network.
API_PORT=${STOWAGE_E2E_PORT:-16443}

REPOSITORY=$(dirname "$E2E")

NODES=(node1 node2)
HUB_ADDRESS=10.88.0.1
SERVICES=10.96.0.0/16
API_SERVICE=10.96.0.1
PODS=10.244.0.0/16

export PATH="$PATH:/usr/sbin:/sbin:/usr/local/go/bin"

# node1 -> 1
node_number() { echo "${1#node}"; }
node_address() { echo "10.88.0.1$(node_number "$1")"; }
node_pods() { echo "10.244.$(node_number "$1").0/24"; }

say() { echo "e2e: $*" >&2; }
die() { say "$*" && exit 1; }
require_root() { [ "$(id -u)" = 0 ] || die "needs root: namespaces, mounts and loop devices"; }

# Repeats a command until it succeeds, for so many seconds.
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || { say "waited in vain for: $*" && return 1; }
        sleep 0.1
    done
}

# Runs a function for all nodes at the same time; fails if one fails.
for_each_node() {
    local node pid pids=()
    for node in "${NODES[@]}"; do
        "$@" "$node" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
}

print_settings() {
    cat <<END
STOWAGE_E2E_CACHE=$CACHE
STOWAGE_E2E_WORK=$WORK
STOWAGE_E2E_PORT=$API_PORT
KUBECONFIG=$WORK/admin.kubeconfig
END
}
