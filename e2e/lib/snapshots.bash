# What a cluster needs for snapshots besides the driver: their kinds in the API, and the controller that serves all
# drivers. Distributed: a snapshot of a volume that lives on one node is left to that node's sidecar.

snapshots_start() {
    within 30 install_snapshot_kinds
    machine_daemon hub snapshot-controller "$(program sidecars snapshot-controller)" \
        --kubeconfig "$WORK/snapshot-controller.kubeconfig" --enable-distributed-snapshotting \
        --feature-gates CSIVolumeGroupSnapshot=true --v 2
}

# As pinned beside the controller, from its Go module.
install_snapshot_kinds() {
    local module=github.com/kubernetes-csi/external-snapshotter/client/v8 folder
    # Already there, unless the programs came from a cache and Go's own is empty.
    folder=$(cd "$E2E/tools/sidecars" && GOFLAGS='' go mod download -json $module | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
    kubectl apply --server-side --kustomize "$folder/config/crd"
}
