# The programs that are built from Go modules: each folder under tools/ is a go.mod that pins them as its tools.

TOOLS=(kubernetes provisioner sidecars)

# The same for all, so that the compiler's cache is shared: static, because they also go into images.
GO_BUILD=(env CGO_ENABLED=0 GOFLAGS= go build -trimpath -buildvcs=false)

build_tools() {
    local tool
    for tool in "${TOOLS[@]}"; do
        [ -d "$(tool_folder "$tool")" ] || build_tool "$tool"
    done
}

# Where a tool's programs are: changes with what is pinned and with how it is built.
tool_folder() {
    local key
    key=$(cat "$E2E/tools/$1/go.mod" "$E2E/tools/$1/go.sum" "$E2E/lib/tools.bash" | sha256sum | cut -c1-12)
    echo "$CACHE/tools/$1-$key"
}

# Path of one program: program kubernetes kubelet
program() { echo "$(tool_folder "$1")/$2"; }

build_tool() (
    command -v go >/dev/null || die "no Go found: Kubernetes is built from its modules"
    cd "$E2E/tools/$1"
    local folder name package version start=$SECONDS
    folder=$(tool_folder "$1")
    say "building $1 (minutes when Go's cache is cold)"
    rm -rf "$folder.incoming"
    mkdir -p "$folder.incoming"
    while read -r package version; do
        name=${package##*/}
        nice "${GO_BUILD[@]}" -ldflags "$(link_flags "$1" "$version")" -o "$folder.incoming/$name" "$package"
        echo "$name $version" >>"$folder.incoming/versions"
    done < <(go list -f '{{.ImportPath}} {{.Module.Version}}' tool)
    mv "$folder.incoming" "$folder"
    say "built $1 in $((SECONDS - start)) s"
)

# Without these, programs report versions that other programs do not understand.
link_flags() {
    local package version=$2
    echo -n "-s -w -X main.version=$version"
    [ "$1" = kubernetes ] || return 0
    local minor=${version#v1.}
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        echo -n " -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
        echo -n " -X $package.gitTreeState=clean"
    done
}

# The pinned version of a program: version_of sidecars csi-attacher
version_of() { awk -v name="$2" '$1 == name { print $2 }' "$(tool_folder "$1")/versions"; }

kubectl() { "$(program kubernetes kubectl)" --kubeconfig "$WORK/admin.kubeconfig" "$@"; }
# deploy/render uses the same helm.
helm() { "$(STOWAGE_TOOLS=$CACHE/tools "$E2E/tools/build" helm)" --kubeconfig "$WORK/admin.kubeconfig" "$@"; }
