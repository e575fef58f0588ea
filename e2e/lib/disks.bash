# The disks of the pools: loop devices over sparse files, each with a file system of its own, as a driver asks for that
# may use only mounted disks. One for each node, and one that both mount: they share a kernel, so that is one file system
# with one cache, as a cluster file system would look to them.

DISK_SIZE=40G

disks_attach() {
    local disk
    mkdir -p "$WORK/disks"
    for disk in "${NODES[@]}" shared; do
        disk_attach "$WORK/disks/$disk"
    done
}

disk_attach() {
    if [ ! -e "$1" ]; then
        truncate --size "$DISK_SIZE" "$1.new"
        mkfs.xfs -q "$1.new"
        mv "$1.new" "$1"
    fi
    [ -n "$(losetup --noheadings --output NAME --associated "$1")" ] || losetup --find "$1"
}
