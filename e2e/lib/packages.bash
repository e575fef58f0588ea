# What comes from Debian.

# The command or file that shows that a package is there, and its package.
PACKAGES=(
    etcd:etcd-server
    containerd:containerd
    runc:runc
    /usr/lib/cni/bridge:containernetworking-plugins
    catatonit:catatonit
    iptables:iptables
    conntrack:conntrack
    ip:iproute2
    socat:socat
    openssl:openssl
    mkfs.xfs:xfsprogs
    buildah:buildah
    mmdebstrap:mmdebstrap
    busybox:busybox-static
)

install_packages() {
    local entry missing=()
    for entry in "${PACKAGES[@]}"; do
        type -P "${entry%%:*}" >/dev/null || missing+=("${entry#*:}")
    done
    [ ${#missing[@]} -eq 0 ] && return
    command -v apt-get >/dev/null || die "install these first, under Debian's names: ${missing[*]}"
    say "installing ${missing[*]}"
    # policy-rc.d: the packages' own etcd and containerd must not start.
    local policy=/usr/sbin/policy-rc.d ours=
    [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && ours=yes; }
    local result=0
    apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            -o DPkg::Lock::Timeout=300 "${missing[@]}" >/dev/null || result=$?
    [ -z "$ours" ] || rm -f $policy
    [ $result -eq 0 ] || die "apt-get could not install ${missing[*]}"
}
