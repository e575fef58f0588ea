{{- define "stowage.state" -}}
{{- .Values.state | default (printf "/var/lib/stowage/%s" .Values.driver) -}}
{{- end -}}

{{/*
The driver's own configuration (README, "Configuration"). hostFolder belongs to the chart, all else to the driver.
*/}}
{{- define "stowage.config" -}}
{{- $pools := dict -}}
{{- range $name, $pool := .Values.pools -}}
{{- $_ := set $pools $name (merge (dict "type" "file" "path" (clean $pool.path)) (omit $pool "hostFolder")) -}}
{{- if hasKey $pool "overcommit" -}}
{{- $_ := set (get $pools $name) "overcommit" (float64 $pool.overcommit) -}}
{{- end -}}
{{- end -}}
{{- $config := dict
    "driver" .Values.driver
    "attach" (eq .Values.mode "central")
    "state" (include "stowage.state" .)
    "maxVolumesPerNode" (int .Values.maxVolumesPerNode)
    "pools" $pools -}}
{{- with .Values.defaultPool -}}
{{- $_ := set $config "defaultPool" . -}}
{{- end -}}
{{- with .Values.cgroup -}}
{{- $_ := set $config "cgroup" . -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/*
The folder of the host that the container gets for a pool, at the same path: the pool's parent, so that a disk mounted at
the pool's path or at its parent is seen as one, and so that a missing pool is missing in the container too (the runtime
makes a missing hostPath, but only that folder itself). The pool's own path where the parent belongs to the container or
is shared with the kubelet.
*/}}
{{- define "stowage.hostFolder" -}}
{{- $own := list "/" "/bin" "/boot" "/dev" "/etc" "/home" "/lib" "/lib64" "/opt" "/proc" "/root" "/run" "/sbin" "/sys" "/tmp" "/usr" "/var" "/var/lib" -}}
{{- $path := clean .pool.path -}}
{{- $folder := .pool.hostFolder | default (ternary $path (dir $path) (has (dir $path) $own)) | clean -}}
{{- if has $folder $own -}}
{{- fail (printf "pools.%s: %s can't be mounted into the container, whose own folder it is: use a folder below it" .name $folder) -}}
{{- end -}}
{{- if not (hasPrefix (printf "%s/" $folder) (printf "%s/" $path)) -}}
{{- fail (printf "pools.%s.hostFolder: %s is not a folder above the path %s" .name $folder $path) -}}
{{- end -}}
{{- $kubelet := clean .root.Values.node.kubeletDir -}}
{{- if or (hasPrefix (printf "%s/" $folder) (printf "%s/" $kubelet)) (hasPrefix (printf "%s/" $kubelet) (printf "%s/" $folder)) -}}
{{- fail (printf "pools.%s: %s and the kubelet's folder %s lie within each other: mounts of volumes would appear twice; use another folder" .name $folder $kubelet) -}}
{{- end -}}
{{- $folder -}}
{{- end -}}

{{/* The state folder and all pools' folders, each once: a YAML map from folder to the name of its volume. */}}
{{- define "stowage.folders" -}}
{{- $folders := dict (include "stowage.state" . | clean) "state" -}}
{{- range $name, $pool := .Values.pools -}}
{{- $folder := include "stowage.hostFolder" (dict "root" $ "name" $name "pool" $pool) -}}
{{- if not (hasKey $folders $folder) -}}
{{- $_ := set $folders $folder (printf "pool-%s" $name) -}}
{{- end -}}
{{- end -}}
{{- toYaml $folders -}}
{{- end -}}

{{- define "stowage.folderMounts" -}}
{{- range $folder, $name := include "stowage.folders" . | fromYaml }}
- name: {{ $name }}
  mountPath: {{ $folder }}
  # A disk that is mounted later is seen without a restart.
  mountPropagation: HostToContainer
{{- end }}
{{- end -}}

{{- define "stowage.folderVolumes" -}}
{{- range $folder, $name := include "stowage.folders" . | fromYaml }}
- name: {{ $name }}
  hostPath:
    path: {{ $folder }}
    {{- if eq $name "state" }}
    type: DirectoryOrCreate
    {{- end }}
{{- end }}
{{- end -}}
