# A node: containerd, kubelet and kube-proxy in a machine.

# Also after kill-node, with the same folder: what a disk keeps is kept.
node_start() {
    local node=$1
    node_make_cgroups "$node"
    machine_start "$node"
    node_network "$node"
    node_write_settings "$node"
    machine_daemon "$node" containerd containerd --config "$WORK/$node/containerd.toml"
    within 20 machine_run "$node" ctr version
    load_images_on "$node"
    machine_daemon "$node" kubelet "$(program kubernetes kubelet)" --config "$WORK/$node/kubelet.yaml" \
        --kubeconfig "$WORK/$node.kubeconfig" --hostname-override "$node" --node-ip "$(node_address "$node")" --v 2
    machine_daemon "$node" proxy "$(program kubernetes kube-proxy)" --config "$WORK/$node/proxy.yaml" \
        --hostname-override "$node"
}

node_wait_ready() { within 60 node_is_ready "$1"; }
node_is_ready() { kubectl get node "$1" | grep -q ' Ready'; }

# A cable from the hub's bridge to the node's eth0, and the ways to the other nodes' pods.
node_network() {
    local node=$1 cable other
    machine_run "$node" ip link show eth0 >/dev/null 2>&1 && return
    cable=cable$(node_number "$node")
    # The kernel takes a killed node's network apart a little later.
    machine_run hub ip link del "$cable" 2>/dev/null || true
    # Not machine_run: the node's number is the one seen from outside.
    nsenter -t "$(machine_pid hub)" -n ip link add "$cable" type veth peer name eth0 netns "$(machine_pid "$node")"
    machine_run hub ip link set "$cable" master br0 up
    machine_run "$node" ip addr add "$(node_address "$node")/24" dev eth0
    machine_run "$node" ip link set eth0 up
    machine_run "$node" ip route add default via "$HUB_ADDRESS"
    machine_run "$node" sysctl -qw net.ipv4.ip_forward=1
    for other in "${NODES[@]}"; do
        [ "$other" = "$node" ] ||
            machine_run "$node" ip route add "$(node_pods "$other")" via "$(node_address "$other")"
    done
}

node_write_settings() {
    local node=$1 folder=$WORK/$1
    mkdir -p "$folder/cni"
    write_cni "$node" >"$folder/cni/10-e2e.conflist"
    write_containerd "$node" >"$folder/containerd.toml"
    write_kubelet "$node" >"$folder/kubelet.yaml"
    write_proxy >"$folder/proxy.yaml"
}

write_cni() {
    cat <<END
{"cniVersion": "0.4.0", "name": "e2e", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$(node_pods "$1")"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
}

# restrict_oom_score_adj: without CAP_SYS_RESOURCE (containers in CI) no process may be made less likely to be killed.
write_containerd() {
    cat <<END
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  disable_hugetlb_controller = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$WORK/$1/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
END
}

# The kubelet looks at volumes every syncFrequency: the default minute makes growth slow to watch. A machine that is
# nearly full shall not evict the tests' pods. A container that was killed again and again starts within 10 s, not 5 min.
write_kubelet() {
    cat <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: "$WORK/pki/ca.crt"}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$(cgroup_of "$1")
failCgroupV1: false
failSwapOn: false
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
clusterDomain: cluster.local
clusterDNS: [10.96.0.10]
serializeImagePulls: false
syncFrequency: 10s
featureGates: {KubeletCrashLoopBackOffMax: true}
crashLoopBackOff: {maxContainerRestartPeriod: 10s}
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
END
}

# A network namespace may not set the connection table's limits.
write_proxy() {
    cat <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: $PODS
clientConnection: {kubeconfig: "$WORK/proxy.kubeconfig"}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
END
}

# Of its own for each node: two kubelets with one root clear away each other's pods.
cgroup_of() { echo "$(basename "$WORK")-$1"; }

cgroup_controllers() {
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo /sys/fs/cgroup
    else
        printf '%s\n' /sys/fs/cgroup/{cpu,cpuacct,cpuset,memory,devices,freezer,blkio,pids,systemd}
    fi
}

node_make_cgroups() {
    local controller folder
    for controller in $(cgroup_controllers); do
        folder=$controller/$(cgroup_of "$1")
        mkdir -p "$folder"
        # An empty set of processors or memory takes no process.
        if [ "$controller" = /sys/fs/cgroup/cpuset ]; then
            cat "$controller/cpuset.cpus" >"$folder/cpuset.cpus"
            cat "$controller/cpuset.mems" >"$folder/cpuset.mems"
        fi
    done
}

# Wherever they are: runc makes some where we did not.
nodes_remove_cgroups() {
    local node folder
    for node in "${NODES[@]}"; do
        for folder in /sys/fs/cgroup/"$(cgroup_of "$node")" /sys/fs/cgroup/*/"$(cgroup_of "$node")"; do
            [ ! -d "$folder" ] || within 5 cgroup_removed "$folder" || true
        done
    done
}

# The last process of a group counts for a moment after it has ended.
cgroup_removed() { find "$1" -depth -type d -exec rmdir {} + && [ ! -d "$1" ]; }

# The pods' logs, for whoever asks afterwards why a test failed.
nodes_keep_logs() {
    local node
    for node in "${NODES[@]}"; do
        [ -d "$WORK/$node/var/log/pods" ] || continue
        rm -rf "$WORK/log/$node-pods"
        mv "$WORK/$node/var/log/pods" "$WORK/log/$node-pods"
    done
}

# Loop devices belong to the whole machine and outlive a node. A busy one is detached as soon as it is free.
nodes_release_loops() {
    local loop
    for loop in $(our_loops); do
        losetup --detach "$loop" || true
    done
}

# Those over a file in our folder, by device and inode (the path is one that was valid inside the node); those over a
# file in a file system on one of them; and those that the kubelet has put on top of one of them.
our_loops() {
    local home loop device inode ours=" " known=
    home=$(stat -c %Hd:%Ld "$WORK")
    while [ "$ours" != "$known" ]; do
        known=$ours
        while read -r loop device inode; do
            [[ $ours != *" $loop "* ]] || continue
            if [[ $ours == *" $device "* || $ours == *" $device/$inode "* ]] ||
                { [ "$device" = "$home" ] && find "$WORK" -xdev -inum "$inode" | grep -q .; }; then
                ours+="$loop $(stat -c '%Hr:%Lr %Hd:%Ld/%i' "$loop") "
                echo "$loop"
            fi
        done < <(losetup --noheadings --list --output NAME,BACK-MAJ:MIN,BACK-INO)
    done
}
