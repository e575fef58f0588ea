package dev.stowage.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stowage.volume.Quantities;
import dev.stowage.volume.Topology;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// How large a volume of each StorageClass each node can have, as the provisioner publishes it and
/// the scheduler reads it (CSIStorageCapacity).
final class FreeSpace {
    private final Map<String, Map<String, Long>> byClassAndNode = new HashMap<>();

    /// Takes in one CSIStorageCapacity.
    void add(JsonNode capacity) {
        var node = capacity.path("nodeTopology").path("matchLabels").path(Topology.NODE_KEY);
        // The scheduler's plugin volumebinding compares with the same of the two.
        var largest =
                capacity.path("maximumVolumeSize").asText(capacity.path("capacity").asText("0"));
        var _ =
                byClassAndNode
                        .computeIfAbsent(
                                capacity.path("storageClassName").asText(), _ -> new TreeMap<>())
                        .merge(node.asText(), Quantities.read(largest), Math::max);
    }

    /// The nodes of which something is known, sorted.
    List<String> nodes() {
        return byClassAndNode.values().stream()
                .flatMap(nodes -> nodes.keySet().stream())
                .distinct()
                .sorted()
                .toList();
    }

    /// Bytes by node; empty for a class of which nothing is published.
    Map<String, Long> of(String storageClass) {
        return byClassAndNode.getOrDefault(storageClass, Map.of());
    }

    /// Whether it is known that this fits on no node.
    boolean lacks(String storageClass, long bytes) {
        var nodes = of(storageClass);
        return !nodes.isEmpty() && nodes.values().stream().allMatch(free -> free < bytes);
    }
}
