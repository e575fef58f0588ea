{{/* What the schema can't say: how values depend on each other. Each failure says what to set. */}}
{{- define "stowage.checks" -}}
{{- $central := eq .Values.mode "central" -}}
{{- if not .Values.pools -}}
{{- fail "pools is empty: name at least one, as in  --set pools.ssd.path=/var/lib/stowage/ssd" -}}
{{- end -}}
{{- $paths := dict -}}
{{- range $name, $pool := .Values.pools -}}
{{- if lt (float64 ($pool.overcommit | default 1.0)) 1.0 -}}
{{- fail (printf "pools.%s.overcommit is %v: use 1.0 or more" $name $pool.overcommit) -}}
{{- end -}}
{{- if gt (float64 ($pool.overcommit | default 1.0)) 1000000.0 -}}
{{- fail (printf "pools.%s.overcommit is %v: use at most 1000000" $name $pool.overcommit) -}}
{{- end -}}
{{- with get $paths (clean $pool.path) -}}
{{- fail (printf "pools.%s and pools.%s have the same path %s: give each a folder of its own" . $name $pool.path) -}}
{{- end -}}
{{- $_ := set $paths (clean $pool.path) $name -}}
{{- if and $central (not $pool.shared) -}}
{{- fail (printf "pools.%s: in mode central a volume must be reachable from every node: set shared: true if its folder is the same on all nodes, or mode: local" $name) -}}
{{- end -}}
{{- if and (not $central) $pool.shared -}}
{{- fail (printf "pools.%s: in mode local nothing would keep two nodes from writing one volume of a shared pool: set mode: central, or shared: false if its folder is each node's own" $name) -}}
{{- end -}}
{{- end -}}
{{- with .Values.defaultPool -}}
{{- if not (hasKey $.Values.pools .) -}}
{{- fail (printf "defaultPool: there is no pool %s; the pools are %s" . (keys $.Values.pools | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- $classes := include "stowage.classes" . | fromYaml -}}
{{- range $name, $class := $classes -}}
{{- if not (hasKey $.Values.pools $class.pool) -}}
{{- fail (printf "storageClasses.%s: there is no pool %s; the pools are %s" $name $class.pool (keys $.Values.pools | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- with .Values.defaultStorageClass -}}
{{- if not (hasKey $classes .) -}}
{{- fail (printf "defaultStorageClass: there is no class %s; the classes are %s" . (keys $classes | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.volumeSnapshotClasses (not .Values.snapshots.enabled) -}}
{{- fail "volumeSnapshotClasses are listed, but nothing would serve them: set snapshots.enabled: true" -}}
{{- end -}}
{{- if and .Values.snapshots.groups (not .Values.snapshots.enabled) -}}
{{- fail "snapshots.groups: group snapshots are made by the sidecar that makes snapshots: set snapshots.enabled: true" -}}
{{- end -}}
{{- if and .Values.snapshots.groups (not $central) -}}
{{- fail "snapshots.groups needs mode: central: the snapshotter can't send a group to the node that has the volumes" -}}
{{- end -}}
{{- if and .Values.volumeGroupSnapshotClasses (not .Values.snapshots.groups) -}}
{{- fail "volumeGroupSnapshotClasses are listed, but nothing would serve them: set snapshots.groups: true" -}}
{{- end -}}
{{- if and .Values.controller.freeze (not $central) -}}
{{- fail "controller.freeze is for mode: central: in mode local there is no controller" -}}
{{- end -}}
{{- if and .Values.controller.freeze (ne (int64 .Values.controller.runAsUser) 0) -}}
{{- fail (printf "controller.freeze: only root has the capabilities of a privileged container, and controller.runAsUser is %v: set it to 0" .Values.controller.runAsUser) -}}
{{- end -}}
{{- if and .Values.volumeAttributesClasses (not $central) -}}
{{- fail "volumeAttributesClasses need mode: central: the resizer can't send a change to the node that has the volume" -}}
{{- end -}}
{{- end -}}

{{/* The StorageClasses by name: those listed, or one for each pool. */}}
{{- define "stowage.classes" -}}
{{- $classes := dict -}}
{{- if .Values.storageClasses -}}
{{- range $name, $class := .Values.storageClasses -}}
{{- $_ := set $classes $name (merge (dict) ($class | default dict) (dict "pool" $name)) -}}
{{- end -}}
{{- else -}}
{{- range $name, $pool := .Values.pools -}}
{{- $_ := set $classes $name (dict "pool" $name) -}}
{{- end -}}
{{- end -}}
{{- toYaml $classes -}}
{{- end -}}
