# One authority, a certificate for each program, a kubeconfig for each client. They last as long as the cluster's folder.

make_certificates() {
    [ -e "$WORK/pki/done" ] && return
    rm -rf "$WORK/pki"
    mkdir -p "$WORK/pki"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=e2e \
        -keyout "$WORK/pki/ca.key" -out "$WORK/pki/ca.crt" 2>/dev/null
    openssl ecparam -name prime256v1 -genkey -noout -out "$WORK/pki/sa.key"
    openssl ec -in "$WORK/pki/sa.key" -pubout -out "$WORK/pki/sa.pub" 2>/dev/null

    local names=kubernetes,kubernetes.default,kubernetes.default.svc,kubernetes.default.svc.cluster.local
    certificate apiserver /CN=kube-apiserver \
        "IP:127.0.0.1,IP:$HUB_ADDRESS,IP:$API_SERVICE,DNS:localhost,DNS:${names//,/,DNS:}"
    client admin "/O=system:masters/CN=admin" "127.0.0.1:$API_PORT"
    client controller-manager /CN=system:kube-controller-manager "$HUB_ADDRESS:6443"
    client scheduler /CN=system:kube-scheduler "$HUB_ADDRESS:6443"
    client proxy /CN=system:kube-proxy "$HUB_ADDRESS:6443"
    client snapshot-controller /O=system:masters/CN=snapshot-controller "$HUB_ADDRESS:6443"
    local node
    for node in "${NODES[@]}"; do
        client "$node" "/O=system:nodes/CN=system:node:$node" "$HUB_ADDRESS:6443" "DNS:$node,IP:$(node_address "$node")"
    done
    touch "$WORK/pki/done"
}

# certificate NAME SUBJECT [SUBJECT-ALT-NAMES]: RSA, since Java clients read an elliptic key only with more libraries.
certificate() {
    local base=$WORK/pki/$1
    openssl req -newkey rsa:2048 -nodes -subj "$2" -keyout "$base.key" -out "$base.csr" 2>/dev/null
    {
        echo keyUsage=digitalSignature,keyEncipherment
        echo extendedKeyUsage=clientAuth,serverAuth
        [ -z "${3:-}" ] || echo "subjectAltName=$3"
    } >"$base.ext"
    openssl x509 -req -in "$base.csr" -CA "$WORK/pki/ca.crt" -CAkey "$WORK/pki/ca.key" -CAcreateserial -days 365 \
        -extfile "$base.ext" -out "$base.crt" 2>/dev/null
}

# client NAME SUBJECT SERVER [SUBJECT-ALT-NAMES]: a certificate and $WORK/NAME.kubeconfig
client() {
    certificate "$1" "$2" "${4:-}"
    cat >"$WORK/$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters:
- name: e2e
  cluster: {server: "https://$3", certificate-authority-data: $(base64 -w0 "$WORK/pki/ca.crt")}
users:
- name: $1
  user: {client-certificate-data: $(base64 -w0 "$WORK/pki/$1.crt"), client-key-data: $(base64 -w0 "$WORK/pki/$1.key")}
contexts:
- name: e2e
  context: {cluster: e2e, user: $1}
current-context: e2e
END
}
