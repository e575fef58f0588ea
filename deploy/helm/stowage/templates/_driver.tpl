{{/* What the pods of both kinds have in common, above their containers. Called with a dict: root, component. */}}
{{- define "stowage.podMetadata" -}}
metadata:
  labels:
    {{- $ours := merge (include "stowage.selectorLabels" .root | fromYaml) (dict "app.kubernetes.io/component" .component) }}
    {{- merge $ours .root.Values.podLabels (include "stowage.labels" .root | fromYaml) | toYaml | nindent 4 }}
  annotations:
    kubectl.kubernetes.io/default-container: driver
    # The configuration is read at start, so a change of it rolls the pods.
    stowage.dev/configuration: {{ include "stowage.config" .root | sha256sum | trunc 16 | quote }}
    {{- with merge (dict) .root.Values.podAnnotations .root.Values.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Called with a dict: root, values (node or controller). */}}
{{- define "stowage.podSettings" -}}
terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
nodeSelector:
  {{- merge (dict "kubernetes.io/os" "linux") .values.nodeSelector | toYaml | nindent 2 }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "stowage.driverEnv" -}}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: STOWAGE_LOG_LEVEL
  value: {{ .logLevel }}
{{- with .extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The driver's own probes, or those that livenessprobe answers for it. Called with a dict: ready, the path of the second. */}}
{{- define "stowage.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- if .ready }}
readinessProbe:
  httpGet: {path: {{ .ready }}, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
{{- end }}
{{- end -}}
