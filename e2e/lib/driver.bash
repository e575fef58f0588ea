# The driver's image: built by the Dockerfile, under the name that the chart asks for. What the Dockerfile starts from
# comes from a registry elsewhere; here it is made from this machine's own Debian, JDK and Maven, under the same names.

DEBIAN_BASE=docker.io/library/debian:bookworm-slim
MAVEN_BASE=docker.io/library/maven:3.9-eclipse-temurin-25
KEPT_ARCHIVES=3

# building COMMAND...: one at a time, because several clusters may share the cache.
building() {
    mkdir -p "$CACHE"
    exec {BUILDING}>"$CACHE/lock"
    flock "$BUILDING"
    "$@"
    exec {BUILDING}>&-
}

# Made again when anything changes that the Dockerfile may copy.
build_driver() {
    local archive name
    archive=$(driver_archive)
    if [ -e "$archive" ]; then
        touch "$archive"
        return 0
    fi
    name=$(driver_name)
    base "$DEBIAN_BASE" fill_debian
    base "$MAVEN_BASE" fill_maven --env JAVA_HOME=/opt/java/openjdk \
        --env PATH=/opt/java/openjdk/bin:/opt/maven/bin:/usr/sbin:/usr/bin:/sbin:/bin
    say "making image $name"
    mkdir -p "$CACHE/driver" "$HOME/.m2"
    # With this machine's Maven repository, so that nothing is downloaded twice.
    buildah bud --quiet --pull-never --layers=false --volume "$HOME/.m2:/root/.m2" --tag "$name" "$REPOSITORY" >/dev/null
    buildah push --quiet "$name" "docker-archive:$archive.incoming:$name"
    buildah rmi "$name" >/dev/null
    mv "$archive.incoming" "$archive"
    # The newest few, because other checkouts may use the same cache; each is 180 MB.
    (cd "$CACHE/driver" && ls -t | tail -n +"$((KEPT_ARCHIVES + 1))" | xargs -r rm -f --)
}

# localhost/stowage:0.1.0, as the chart says.
driver_name() {
    local chart=$REPOSITORY/deploy/helm/stowage
    echo "$(sed -n 's/^  repository: //p' "$chart/values.yaml"):$(sed -n 's/^appVersion: "*\([^"]*\)"*/\1/p' "$chart/Chart.yaml")"
}

driver_archive() {
    local key
    key=$(cd "$REPOSITORY" && {
        declare -f build_driver base fill_debian fill_maven
        find Dockerfile .dockerignore pom.xml stowage proto src/main deploy/make-aot-cache -type f -print0 |
            sort -z | xargs -0 sha256sum
    } | sha256sum | cut -c1-12)
    echo "$CACHE/driver/stowage-$key.tar"
}

# base NAME FILL CONFIG...: an image that the Dockerfile starts from, kept in buildah's store.
base() (
    name=$1 fill=$2
    shift 2
    key=$( (echo "$@"; declare -f base "$fill") | sha256sum | cut -c1-12)
    [ "$(buildah inspect --type image --format '{{index .OCIv1.Config.Labels "key"}}' "$name" 2>/dev/null)" != "$key" ] ||
        exit 0
    say "making image $name"
    container=$(buildah from scratch)
    trap 'buildah rm "$container" >/dev/null' EXIT
    "$fill" "$(buildah mount "$container")"
    buildah config --label "key=$key" "$@" "$container"
    buildah commit --quiet "$container" "$name" >/dev/null
)

fill_debian() {
    # usr-is-merged in place of usrmerge, which brings Perl along.
    # shellcheck disable=SC2046
    mmdebstrap --quiet --variant=apt --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include=usr-is-merged \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        bookworm - $(apt_sources) | tar --extract --directory "$1" --exclude './dev/*'
}

fill_maven() {
    local jdk maven
    jdk=$(jdk_25)
    maven=$(mvn --version | sed -n 's/^Maven home: //p')
    fill_debian "$1"
    mkdir -p "$1/opt/java" "$1/opt/maven"
    # Debian keeps the certificates elsewhere, and its Maven is links all over the place.
    cp --recursive --dereference --preserve "$jdk" "$1/opt/java/openjdk"
    cp --recursive --dereference "$maven/." "$1/opt/maven"
}

jdk_25() {
    local home
    for home in "${JAVA_HOME:-}" /usr/lib/jvm/* /opt/*; do
        if [ -x "$home/bin/jlink" ] && grep -qs '^JAVA_VERSION="25[."]' "$home/release"; then
            readlink -f "$home"
            return
        fi
    done
    die "no JDK 25 found: install one below /usr/lib/jvm or set JAVA_HOME"
}
