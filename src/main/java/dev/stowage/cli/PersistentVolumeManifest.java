package dev.stowage.cli;

import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Topology;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The PersistentVolume by which Kubernetes gets to know a volume that it did not ask for. With the
/// annotation the provisioner erases the volume if its owner sets the policy to Delete.
///
/// @param topology where the volume is reached
record PersistentVolumeManifest(String driver, Volume volume, Topology topology, Use use) {
    private static final Pattern NAME = Pattern.compile("[a-z0-9]([-.a-z0-9]{0,61}[a-z0-9])?");

    /// What its pods do with it; Kubernetes' access modes.
    enum Use {
        ReadWriteOnce,
        ReadWriteOncePod,
        ReadOnlyMany
    }

    /// The name is a label's value too: hence at most 63 characters.
    static String requireName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new VolumeException(
                    Reason.INVALID,
                    "name '%s' is no name for a PersistentVolume: use 1 to 63 of a-z, 0-9, '-' and '.', with a letter or digit first and last"
                            .formatted(name));
        }
        return name;
    }

    String yaml() {
        var fileSystem = volume.fileSystem().map(FileSystemType::kernelName);
        return """
        apiVersion: v1
        kind: PersistentVolume
        metadata:
          name: %1$s
          labels:
            data: %1$s
          annotations:
            pv.kubernetes.io/provisioned-by: %5$s
        spec:
          storageClassName: ""
          capacity:
            storage: "%2$d"
          accessModes: [%3$s]
          volumeMode: %4$s
          persistentVolumeReclaimPolicy: Retain
          csi:
            driver: %5$s
            volumeHandle: %6$s
        %7$s%8$s  nodeAffinity:
            required:
              nodeSelectorTerms:
                - matchExpressions:
        %9$s"""
                .formatted(
                        volume.name(),
                        volume.capacityBytes(),
                        use,
                        fileSystem.isPresent() ? "Filesystem" : "Block",
                        driver,
                        volume.id(),
                        fileSystem.map("    fsType: %s\n"::formatted).orElse(""),
                        use == Use.ReadOnlyMany ? "    readOnly: true\n" : "",
                        expressions());
    }

    private String expressions() {
        return new TreeMap<>(topology.segments())
                .entrySet().stream()
                        .map(PersistentVolumeManifest::expression)
                        .collect(Collectors.joining());
    }

    private static String expression(Map.Entry<String, String> segment) {
        return """
                    - key: %s
                      operator: In
                      values: ["%s"]
        """
                .formatted(segment.getKey(), segment.getValue());
    }
}
