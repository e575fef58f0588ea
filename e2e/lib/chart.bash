# The driver, installed as docs/install.md tells users to.

install_chart() {
    local mode=local release=stowage chart=$E2E/../deploy/helm
    case ${1:-} in
        local | central) mode=$1 && shift ;;
    esac
    [ "$mode" = local ] || release=stowage-central
    [ -d "$chart/stowage" ] || die "there is no chart in deploy/helm"
    helm upgrade --install "$release" "$chart/stowage" --namespace stowage --create-namespace \
        --values "$chart/$mode.yaml" --wait --timeout 3m "$@"
}
