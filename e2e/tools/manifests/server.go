package main

import (
	"context"
	"fmt"

	groupsnapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumegroupsnapshot/v1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
	"k8s.io/kubernetes/pkg/capabilities"
	"k8s.io/kubernetes/pkg/registry/apps/daemonset"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/apps/statefulset"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/namespace"
	"k8s.io/kubernetes/pkg/registry/core/persistentvolume"
	"k8s.io/kubernetes/pkg/registry/core/persistentvolumeclaim"
	"k8s.io/kubernetes/pkg/registry/core/pod"
	"k8s.io/kubernetes/pkg/registry/core/secret"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/serviceaccount"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
	"k8s.io/kubernetes/pkg/registry/rbac/clusterrole"
	"k8s.io/kubernetes/pkg/registry/rbac/clusterrolebinding"
	"k8s.io/kubernetes/pkg/registry/rbac/role"
	"k8s.io/kubernetes/pkg/registry/rbac/rolebinding"
	"k8s.io/kubernetes/pkg/registry/storage/csidriver"
	"k8s.io/kubernetes/pkg/registry/storage/storageclass"
	"k8s.io/kubernetes/pkg/registry/storage/volumeattributesclass"
)

// server holds what the API server does with an object before it stores it.
type server struct {
	decoder runtime.Decoder
	// by kind; an object of another kind is refused, so that none goes unchecked
	strategies map[string]rest.RESTCreateStrategy
}

func newServer() *server {
	// kube-apiserver --allow-privileged=true, which every cluster with storage drivers has
	capabilities.Initialize(capabilities.Capabilities{AllowPrivileged: true})
	for _, addKinds := range []func(*runtime.Scheme) error{snapshotv1.AddToScheme, groupsnapshotv1.AddToScheme} {
		if err := addKinds(legacyscheme.Scheme); err != nil {
			panic(err)
		}
	}
	codecs := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)
	return &server{
		decoder: codecs.UniversalDeserializer(),
		strategies: map[string]rest.RESTCreateStrategy{
			"ConfigMap":             configmap.Strategy,
			"Namespace":             namespace.Strategy,
			"PersistentVolume":      persistentvolume.Strategy,
			"PersistentVolumeClaim": persistentvolumeclaim.Strategy,
			"Pod":                   pod.Strategy,
			"Secret":                secret.Strategy,
			"Service":               service.Strategy,
			"ServiceAccount":        serviceaccount.Strategy,
			"DaemonSet":             daemonset.Strategy,
			"Deployment":            deployment.Strategy,
			"StatefulSet":           statefulset.Strategy,
			"PodDisruptionBudget":   poddisruptionbudget.Strategy,
			"ClusterRole":           clusterrole.Strategy,
			"ClusterRoleBinding":    clusterrolebinding.Strategy,
			"Role":                  role.Strategy,
			"RoleBinding":           rolebinding.Strategy,
			"CSIDriver":             csidriver.Strategy,
			"StorageClass":          storageclass.Strategy,
			"VolumeAttributesClass": volumeattributesclass.Strategy,
		},
	}
}

// refuses returns why the object would not be created, nil if it would be.
func (s *server) refuses(document []byte) error {
	object, kind, err := s.decoder.Decode(document, nil, nil)
	if err != nil {
		return err
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s %s", kind.Kind, accessor.GetName())
	if err := s.validate(object, kind); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (s *server) validate(object runtime.Object, kind *schema.GroupVersionKind) error {
	if kind.Group == snapshotv1.GroupName || kind.Group == groupsnapshotv1.GroupName {
		return nil // a custom resource: its schema is what the decoder has checked
	}
	strategy, known := s.strategies[kind.Kind]
	if !known {
		return fmt.Errorf("%s is a kind that this program does not check: add its strategy", kind)
	}
	legacyscheme.Scheme.Default(object)
	internal, err := legacyscheme.Scheme.ConvertToVersion(object, runtime.InternalGroupVersioner)
	if err != nil {
		return err
	}
	accessor, err := meta.Accessor(internal)
	if err != nil {
		return err
	}
	scope := ""
	if strategy.NamespaceScoped() {
		if scope = accessor.GetNamespace(); scope == "" {
			scope = "default"
			accessor.SetNamespace(scope)
		}
	}
	if service, ok := internal.(*core.Service); ok && service.Spec.ClusterIP == core.ClusterIPNone {
		service.Spec.ClusterIPs = []string{core.ClusterIPNone} // as the server's allocator does, before it validates
	}
	ctx := request.WithNamespace(context.Background(), scope)
	rest.FillObjectMetaSystemFields(accessor)
	return rest.BeforeCreate(strategy, ctx, internal)
}
