# The driver, installed as docs/install.md tells users to.

build_helm() { STOWAGE_TOOLS=$CACHE/tools "$E2E/tools/build" helm >/dev/null; }

# A changed driver has the same image name, so an annotation makes the pods new.
install_chart() {
    local mode=local release=stowage chart=$REPOSITORY/deploy/helm archive
    case ${1:-} in
        local | central) mode=$1 && shift ;;
    esac
    [ "$mode" = local ] || release=stowage-central
    (building build_driver)
    archive=$(driver_archive)
    load_driver "$archive"
    helm upgrade --install "$release" "$chart/stowage" --namespace stowage --create-namespace \
        --values "$chart/$mode.yaml" --values "$E2E/$mode.yaml" \
        --set-string "podAnnotations.image=$(basename "$archive" .tar)" --wait --timeout 3m "$@"
}
