package dev.stowage.volume;

import java.util.List;

/// A volume and the nodes that hold it, in order of their ids.
public record ListedVolume(Volume volume, List<NodeId> publishedNodes) {
    public ListedVolume {
        publishedNodes = List.copyOf(publishedNodes);
    }
}
