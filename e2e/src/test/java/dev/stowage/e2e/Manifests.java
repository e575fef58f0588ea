package dev.stowage.e2e;

/// Claims and pods that several stories use.
final class Manifests {
    private Manifests() {}

    static String claim(String name, String storageClass, String size) {
        return """
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: {name: %s}
        spec:
          accessModes: [ReadWriteOnce]
          storageClassName: %s
          resources: {requests: {storage: %s}}
        """
                .formatted(name, storageClass, size);
    }

    /// A pod that runs `script` with the claim at `/data`.
    ///
    /// @param node where it must run, or empty
    static String pod(String name, String claim, String node, String script) {
        return pod(
                name,
                "{persistentVolumeClaim: {claimName: %s}}".formatted(claim),
                node,
                script,
                "");
    }

    /// @param volume what is at `/data`, as in a pod's `volumes`
    /// @param more further lines of the pod's spec
    static String pod(String name, String volume, String node, String script, String more) {
        return """
        apiVersion: v1
        kind: Pod
        metadata: {name: %s, labels: {app: story}}
        spec:
          terminationGracePeriodSeconds: 1
          nodeSelector: {%s}
          containers:
            - name: shell
              image: busybox:1.37
              command: [sh, -c, '%s']
              volumeMounts: [{name: data, mountPath: /data}]
          volumes:
            - %s
          %s
        """
                .formatted(
                        name,
                        node.isEmpty() ? "" : "kubernetes.io/hostname: " + node,
                        script,
                        volume.replaceFirst("\\{", "{name: data, "),
                        more);
    }
}
