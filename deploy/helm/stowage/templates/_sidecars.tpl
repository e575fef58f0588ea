{{/* A sidecar's container. Called with a dict: root, name (in values.sidecars), args, env (optional). */}}
{{- define "stowage.sidecar" -}}
{{- $values := index .root.Values.sidecars .name -}}
- name: {{ .name }}
  image: {{ $values.image }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args:
    - --v={{ $values.logLevel }}
    - --csi-address=/csi/csi.sock
    {{- range .args }}
    - {{ . }}
    {{- end }}
    {{- range $values.extraArgs }}
    - {{ . | quote }}
    {{- end }}
  {{- with .env }}
  env:
    {{- range . }}
    - name: {{ .name }}
      valueFrom:
        fieldRef:
          fieldPath: {{ .path }}
    {{- end }}
  {{- end }}
  # The driver's user, because the driver's socket has mode 0600; without any capability.
  securityContext:
    runAsUser: {{ .user | default 0 }}
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
    seccompProfile:
      type: RuntimeDefault
  {{- with $values.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - name: socket
      mountPath: /csi
    {{- range .mounts }}
    - name: {{ .name }}
      mountPath: {{ .path }}
    {{- end }}
{{- end -}}

{{/* Those that need the cluster's API, with what differs between a pod on every node and one for the cluster. */}}
{{- define "stowage.apiSidecars" -}}
{{- $local := eq .Values.mode "local" -}}
{{- $user := ternary 0 (int64 .Values.controller.runAsUser) $local -}}
{{- $timeout := printf "--timeout=%s" .Values.callTimeout -}}
{{- $leader := "--leader-election" -}}
{{- $pod := list (dict "name" "NAMESPACE" "path" "metadata.namespace") (dict "name" "POD_NAME" "path" "metadata.name") -}}
{{- $node := list (dict "name" "NODE_NAME" "path" "spec.nodeName") -}}
{{- /* --strict-topology: a volume is made for the node that the scheduler chose, and nowhere else.
       --capacity-ownerref-level=1: the DaemonSet or StatefulSet owns what is published, which goes with it.
       A central driver knows where its pools are: the nodes' topology, of which only one node's keys would be taken,
       is of no use to it (--immediate-topology=false). */ -}}
{{- $provisioner := list $timeout "--strict-topology" "--enable-capacity" "--capacity-ownerref-level=1"
    (printf "--capacity-poll-interval=%s" .Values.capacityPollInterval) "--controller-publish-readonly" -}}
{{- if $local -}}
{{- $provisioner = append $provisioner "--node-deployment" -}}
{{- else -}}
{{- $provisioner = concat $provisioner (list "--immediate-topology=false" $leader) -}}
{{- end -}}
{{- include "stowage.sidecar" (dict "root" . "user" $user "name" "provisioner" "args" $provisioner "env" (ternary (concat $pod $node) $pod $local)) }}
{{- if not $local }}
{{ include "stowage.sidecar" (dict "root" . "user" $user "name" "attacher" "args" (list $timeout $leader)) }}
{{- end }}
{{- /* Without in-use errors, for which it would watch all pods of the cluster: volumes grow while they are used. */}}
{{- $resizer := list $timeout (printf "--resize-timeout=%s" .Values.callTimeout) "--handle-volume-inuse-error=false" $leader }}
{{ include "stowage.sidecar" (dict "root" . "user" $user "name" "resizer" "args" $resizer) }}
{{- if .Values.snapshots.enabled }}
{{- /* It looks for group snapshots unless it is told not to, and complains where it has no rights. */}}
{{- $groups := printf "--feature-gates=CSIVolumeGroupSnapshot=%t" .Values.snapshots.groups }}
{{ include "stowage.sidecar" (dict "root" . "user" $user "name" "snapshotter" "args" (list $timeout $groups (ternary "--node-deployment" $leader $local)) "env" (ternary $node list $local)) }}
{{- end }}
{{- end -}}
