package dev.stowage.serve;

import dev.stowage.csi.NodeService;
import dev.stowage.node.FileSystemCheck;
import dev.stowage.node.FreshTargets;
import dev.stowage.node.Growth;
import dev.stowage.node.Publishing;
import dev.stowage.node.Staging;
import dev.stowage.node.Stats;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.device.DeviceCheck;
import dev.stowage.node.device.LoopConnector;
import dev.stowage.node.limit.Limiting;
import dev.stowage.node.limit.LimitsCheck;
import dev.stowage.node.limit.PodsGroup;
import dev.stowage.pools.Pools;
import dev.stowage.spi.Backend;
import dev.stowage.spi.FormatLedger;
import dev.stowage.spi.ImageFiles;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.util.List;

/// Wires the node side to the pools that this machine can reach.
final class NodeHost {
    private NodeHost() {}

    static Connectors connectors(NodeId node, Pools pools) {
        return new Connectors(new LoopConnector(node, id -> power(pools, id, ImageFiles.class)));
    }

    static NodeService.Host wire(NodeId node, Connectors connectors, Pools pools, PodsGroup pods) {
        var limiting = new Limiting(connectors, pods);
        var fresh = new FreshTargets();
        return new NodeService.Host(
                new Staging(node, connectors, id -> power(pools, id, FormatLedger.class), limiting),
                new Publishing(node, connectors, fresh),
                new Stats(connectors),
                new Growth(connectors, fresh),
                limiting,
                List.of(
                        new FileSystemCheck(connectors),
                        new DeviceCheck(connectors, id -> power(pools, id, ImageFiles.class)),
                        new LimitsCheck(connectors, limiting, id -> pools.holding(id).find(id))));
    }

    private static <T> T power(Pools pools, VolumeId id, Class<T> power) {
        Backend backend = pools.holding(id);
        if (!power.isInstance(backend)) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s lies in a pool without %s, which its attachment needs"
                            .formatted(id, power.getSimpleName()));
        }
        return power.cast(backend);
    }
}
