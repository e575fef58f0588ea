# Images for the nodes, made here from the machine's own packages and programs: docker-archives in the cache.

PAUSE_IMAGE=registry.k8s.io/pause:3.10.1
# Under the names that examples/ uses: Debian's busybox, and Debian's MariaDB in place of MySQL.
BUSYBOX_IMAGE=docker.io/library/busybox:1.37
MYSQL_IMAGE=docker.io/library/mysql:8.4

# With plain folders instead of mounts, so that it works inside containers too.
buildah() {
    BUILDAH_ISOLATION=chroot command buildah --storage-driver vfs --root "$CACHE/buildah" --runroot "$WORK/buildah" "$@"
}

build_images() {
    mkdir -p "$CACHE/images"
    image "$PAUSE_IMAGE" fill_pause --user 65535:65535 --entrypoint '["/catatonit", "-P"]'
    image "$BUSYBOX_IMAGE" fill_busybox --cmd sh
    image "$MYSQL_IMAGE" fill_mysql --entrypoint '["/usr/local/bin/start-mysql"]' --port 3306
    sidecar_image provisioner csi-provisioner
    sidecar_image sidecars csi-attacher
    sidecar_image sidecars csi-resizer
    sidecar_image sidecars csi-snapshotter
    sidecar_image sidecars snapshot-controller
}

# Under the names that the chart pins.
sidecar_image() {
    image "registry.k8s.io/sig-storage/$2:$(version_of "$1" "$2")" "fill_sidecar $1 $2" --entrypoint "[\"/$2\"]"
}

# image NAME FILL CONFIG...: FILL puts the files into a folder; the archive is kept until its making changes.
image() (
    name=$1 fill=$2
    shift 2
    key=$( (echo "$name" "$@"; declare -f image ${fill%% *}; cat "$E2E"/images/*) | sha256sum | cut -c1-12)
    archive=$CACHE/images/$(basename "${name/:/-}")-$key.tar
    [ ! -e "$archive" ] || exit 0
    say "making image $name"
    container=$(buildah from scratch)
    trap 'buildah rm "$container" >/dev/null; rm -f "$archive.incoming"' EXIT
    # shellcheck disable=SC2086
    $fill "$(buildah mount "$container")"
    buildah config --env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" "$container"
    buildah commit --quiet "$container" "$name" >/dev/null
    buildah push --quiet "$name" "docker-archive:$archive.incoming:$name"
    buildah rmi "$name" >/dev/null
    # Those of earlier making, of other versions too.
    rm -f "$CACHE/images/$(basename "${name%:*}")"-*.tar
    mv "$archive.incoming" "$archive"
)

fill_pause() { cp /usr/bin/catatonit "$1"; }

fill_busybox() {
    mkdir -p "$1"/{bin,sbin,usr/bin,usr/sbin,etc,tmp,root,var,proc,sys,dev,mnt}
    chmod 1777 "$1/tmp"
    cp "$(command -v busybox)" "$1/bin/busybox"
    chroot "$1" /bin/busybox --install -s
    cp "$E2E/images/passwd" "$E2E/images/group" "$1/etc"
}

fill_mysql() {
    # shellcheck disable=SC2046
    mmdebstrap --quiet --variant=essential --include=mariadb-server-core,mariadb-client,passwd \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        bookworm - $(apt_sources) | tar --extract --directory "$1" --exclude './dev/*'
    rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*
    # The user that the usual images have.
    chroot "$1" groupadd --gid 999 mysql
    chroot "$1" useradd --uid 999 --gid 999 --no-create-home --home-dir /var/lib/mysql mysql
    install -d -o 999 -g 999 "$1/var/lib/mysql" "$1/run/mysqld"
    install -m 755 "$E2E/images/start-mysql" "$1/usr/local/bin/start-mysql"
}

# Where this machine has its own Debian packages from.
apt_sources() { find /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null || true; }

fill_sidecar() { cp "$(program "$1" "$2")" "$3" && mkdir -p "$3/tmp"; }

# load_driver ARCHIVE: in place of an older one.
load_driver() {
    find "$WORK/images" -name 'stowage-*.tar' ! -name "$(basename "$1")" -delete 2>/dev/null || true
    load_images "$1"
}

# load_images ARCHIVE...: to all nodes; in the cluster's folder too, for nodes that start later.
load_images() {
    local archive
    for archive; do
        cp "$archive" "$WORK/images.incoming"
        mkdir -p "$WORK/images"
        mv "$WORK/images.incoming" "$WORK/images/$(basename "$archive")"
    done
    for_each_node load_images_on
}

# The archives that the node does not have yet.
load_images_on() {
    local node=$1 archive done=$WORK/$1/images
    mkdir -p "$done" "$WORK/images"
    for archive in "$CACHE"/images/*.tar "$WORK"/images/*.tar; do
        [ -e "$archive" ] || continue
        [ "$done/$(basename "$archive")" -nt "$archive" ] && continue
        machine_run "$node" ctr --namespace k8s.io images import "$archive" >/dev/null
        touch "$done/$(basename "$archive")"
    done
}
