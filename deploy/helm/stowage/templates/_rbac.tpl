{{/*
What the sidecars ask of the API, for the whole cluster, and the driver for claimEvents. Compared with the rules in the sidecars' own repositories,
left out are: reading events and updating them for their sake (the recorder only creates and patches), secrets (Stowage has none),
nodes and CSINodes in mode local (the provisioner knows its own node), VolumeAttachments there (nothing is attached),
VolumeAttributesClasses there (nobody can change a volume), pods (the resizer watches them only for drivers that can't grow
a volume in use, see _sidecars.tpl), and everything about snapshots while they are off.
*/}}
{{- define "stowage.clusterRules" -}}
{{- $central := eq .Values.mode "central" -}}
# provisioner
- apiGroups: [""]
  resources: [persistentvolumes]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, update]
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.claimEvents }}
# the driver: one event for each claim that fits on no node. Free capacity, claims and classes it may read as the
# provisioner does.
- apiGroups: [""]
  resources: [events]
  verbs: [get, create, update]
{{- end }}
{{- if $central }}
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, list, watch]
# provisioner and attacher
- apiGroups: [storage.k8s.io]
  resources: [csinodes]
  verbs: [get, list, watch]
- apiGroups: [storage.k8s.io]
  resources: [volumeattachments]
  verbs: [get, list, watch, patch]
- apiGroups: [storage.k8s.io]
  resources: [volumeattachments/status]
  verbs: [patch]
# provisioner and resizer, which watches these whether or not there are any
- apiGroups: [storage.k8s.io]
  resources: [volumeattributesclasses]
  verbs: [get, list, watch]
{{- end }}
# resizer
- apiGroups: [""]
  resources: [persistentvolumeclaims/status]
  verbs: [patch]
{{- if .Values.snapshots.enabled }}
# provisioner: restores, and the protection of a snapshot that is being restored
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshots]
  verbs: [get, list, watch, update]
# snapshotter, and the provisioner's reading
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshotcontents]
  verbs: [get, list, watch, update, patch]
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshotcontents/status]
  verbs: [update, patch]
- apiGroups: [snapshot.storage.k8s.io]
  resources: [volumesnapshotclasses]
  verbs: [get, list, watch]
{{- end }}
{{- if .Values.snapshots.groups }}
- apiGroups: [groupsnapshot.storage.k8s.io]
  resources: [volumegroupsnapshotcontents]
  verbs: [get, list, watch, patch]
- apiGroups: [groupsnapshot.storage.k8s.io]
  resources: [volumegroupsnapshotcontents/status]
  verbs: [update, patch]
- apiGroups: [groupsnapshot.storage.k8s.io]
  resources: [volumegroupsnapshotclasses]
  verbs: [get, list, watch]
{{- end }}
{{- end -}}

{{/* And in the release's namespace. */}}
{{- define "stowage.namespaceRules" -}}
# the election of a leader
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, create, update]
# provisioner: free capacity, and the owner of that
- apiGroups: [storage.k8s.io]
  resources: [csistoragecapacities]
  verbs: [get, list, watch, create, update, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get]
{{- end -}}
