# The hub: a bridge to which the nodes are plugged, and the control plane.

control_plane_start() {
    machine_start hub
    hub_network
    machine_daemon hub etcd etcd --data-dir "$WORK/hub/etcd/data" --log-level warn \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
        --listen-peer-urls http://127.0.0.1:2380
    start_apiserver
    control_plane_open_door
    within 60 api_is_ready
    machine_daemon hub controller-manager "$(program kubernetes kube-controller-manager)" \
        --kubeconfig "$WORK/controller-manager.kubeconfig" --leader-elect=false --use-service-account-credentials \
        --service-account-private-key-file "$WORK/pki/sa.key" --root-ca-file "$WORK/pki/ca.crt" \
        --cluster-signing-cert-file "$WORK/pki/ca.crt" --cluster-signing-key-file "$WORK/pki/ca.key" \
        --bind-address 127.0.0.1 --profiling=false
    machine_daemon hub scheduler "$(program kubernetes kube-scheduler)" --kubeconfig "$WORK/scheduler.kubeconfig" \
        --leader-elect=false --bind-address 127.0.0.1 --profiling=false
}

hub_network() {
    machine_run hub ip link show br0 >/dev/null 2>&1 && return
    machine_run hub ip link add br0 type bridge
    machine_run hub ip addr add "$HUB_ADDRESS/24" dev br0
    machine_run hub ip link set br0 up
    machine_run hub ip route add default dev br0
    machine_run hub sysctl -qw net.ipv4.ip_forward=1
    local node
    for node in "${NODES[@]}"; do
        machine_run hub ip route add "$(node_pods "$node")" via "$(node_address "$node")"
    done
}

start_apiserver() {
    machine_daemon hub apiserver "$(program kubernetes kube-apiserver)" \
        --etcd-servers http://127.0.0.1:2379 \
        --bind-address 0.0.0.0 --advertise-address "$HUB_ADDRESS" --secure-port 6443 \
        --service-cluster-ip-range "$SERVICES" \
        --client-ca-file "$WORK/pki/ca.crt" \
        --tls-cert-file "$WORK/pki/apiserver.crt" --tls-private-key-file "$WORK/pki/apiserver.key" \
        --service-account-issuer https://kubernetes.default.svc.cluster.local \
        --service-account-key-file "$WORK/pki/sa.pub" --service-account-signing-key-file "$WORK/pki/sa.key" \
        --kubelet-client-certificate "$WORK/pki/admin.crt" --kubelet-client-key "$WORK/pki/admin.key" \
        --kubelet-preferred-address-types InternalIP \
        --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged \
        --profiling=false
}

# From 127.0.0.1 to the API server: two relays with a socket file between them, which any network can open.
control_plane_open_door() {
    local socket=$WORK/run/api.sock
    machine_daemon hub door socat "UNIX-LISTEN:$socket,fork,unlink-early,mode=600" TCP:127.0.0.1:6443
    launched door >/dev/null ||
        launch door socat "TCP-LISTEN:$API_PORT,bind=127.0.0.1,reuseaddr,fork" "UNIX-CONNECT:$socket"
}

# The relay has a child for each connection: they are of its session, and end with the hub at the latest.
control_plane_close_door() {
    local pid
    pid=$(launched door) || return 0
    kill -TERM -- "-$pid"
    within 10 gone "$pid"
}

api_is_ready() { [ "$(kubectl get --raw /readyz)" = ok ]; }
