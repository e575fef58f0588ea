package dev.stowage.volume;

import java.util.Map;
import java.util.TreeMap;

/// Where a volume can be reached, or what a node can reach, as Kubernetes node labels (CSI's
/// Topology).
public record Topology(Map<String, String> segments) {
    private static final String DOMAIN = "topology.csi.stowage.dev/";

    /// The value is a node's id.
    public static final String NODE_KEY = DOMAIN + "node";

    public Topology {
        segments = Map.copyOf(segments);
    }

    /// Only on this node.
    public static Topology node(NodeId node) {
        return new Topology(Map.of(NODE_KEY, node.value()));
    }

    /// On every node that has this shared pool. Named by the tag: the label outlives a renaming of
    /// the pool.
    public static Topology sharedPool(PoolId pool) {
        return new Topology(Map.of(DOMAIN + "pool-" + pool.tag(), "true"));
    }

    public Topology and(Topology other) {
        var union = new TreeMap<>(segments);
        union.putAll(other.segments);
        return new Topology(union);
    }

    /// Whether a place described by `wider` is one where this holds.
    public boolean within(Topology wider) {
        return wider.segments.entrySet().containsAll(segments.entrySet());
    }
}
