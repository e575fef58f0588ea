package dev.stowage.csi;

import csi.v1.ControllerGetVolumeHealthRequest;
import csi.v1.ControllerGetVolumeHealthResponse;
import csi.v1.ControllerListVolumeHealthRequest;
import csi.v1.ControllerListVolumeHealthResponse;
import csi.v1.NodeGetStorageHealthRequest;
import csi.v1.NodeGetStorageHealthResponse;
import csi.v1.NodeGetVolumeHealthRequest;
import csi.v1.NodeGetVolumeHealthResponse;
import dev.stowage.pools.Diagnosis;
import dev.stowage.pools.Health;
import dev.stowage.spi.VolumeCheck;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// CSI's four questions after health. They wait for no operation, and what hangs is answered
/// ABORTED after a few seconds and costs one thread.
final class HealthCalls {
    private static final Logger LOG = LoggerFactory.getLogger(HealthCalls.class);

    private static final String ALL_VOLUMES = "the health of all volumes";
    private static final String ALL_POOLS = "the health of all pools";

    private final Health health;
    private final List<VolumeCheck> checks;
    private final Operations operations;

    /// @param checks what this node looks at; none for a controller
    HealthCalls(Health health, List<VolumeCheck> checks, Operations operations) {
        this.health = health;
        this.checks = List.copyOf(checks);
        this.operations = operations;
    }

    void ofVolume(
            ControllerGetVolumeHealthRequest request,
            StreamObserver<ControllerGetVolumeHealthResponse> observer) {
        operations.answerSoon(
                observer,
                () -> {
                    var id =
                            Requests.existing(
                                    Requests.required(request.getVolumeId(), "volume_id"));
                    return operations.read(
                            request.getVolumeId(),
                            "ControllerGetVolumeHealth",
                            request,
                            () -> HealthReplies.known(new Diagnosis(id, health.of(id))));
                });
    }

    void list(
            ControllerListVolumeHealthRequest request,
            StreamObserver<ControllerListVolumeHealthResponse> observer) {
        operations.answerSoon(
                observer,
                () -> {
                    var limit = Requests.limit(request.getMaxEntries());
                    var after = Requests.startingToken(request.getStartingToken());
                    return operations.read(
                            ALL_VOLUMES,
                            "ControllerListVolumeHealth",
                            request,
                            () -> HealthReplies.listed(health.list(after, limit)));
                });
    }

    void ofVolumeHere(
            NodeGetVolumeHealthRequest request,
            StreamObserver<NodeGetVolumeHealthResponse> observer) {
        operations.answerSoon(
                observer,
                () -> {
                    Requests.required(request.getVolumeId(), "volume_id");
                    Requests.pathIfGiven(request.getVolumePublishPath(), "volume_publish_path");
                    Requests.pathIfGiven(request.getStagingTargetPath(), "staging_target_path");
                    var id = Requests.existing(request.getVolumeId());
                    return operations.read(
                            request.getVolumeId(),
                            "NodeGetVolumeHealth",
                            request,
                            () -> HealthReplies.here(new Diagnosis(id, here(id))));
                });
    }

    /// What the pool knows and what the kernel says. A volume that its pool no longer knows is
    /// still one that this node has, if the node has it; and what can't be looked at does not hide
    /// what could.
    private List<Condition> here(VolumeId id) throws Exception {
        var failure = Optional.<Exception>empty();
        var all = new ArrayList<Condition>();
        try {
            all.addAll(health.of(id));
        } catch (VolumeException | IOException e) {
            failure = Optional.of(e);
        }
        if (all.stream().anyMatch(condition -> condition.fault() == Fault.POOL_NOT_ANSWERING)) {
            return all; // whoever looks at what lies on it waits too
        }
        for (var check : checks) {
            try {
                all.addAll(check.conditions(id));
            } catch (VolumeException | IOException e) {
                LOG.warn("volume {} can't be looked at: {}", id, e.getMessage());
                failure = failure.or(() -> Optional.of(e));
            }
        }
        if (failure.isPresent() && all.isEmpty()) {
            throw failure.get();
        }
        return all;
    }

    void ofPools(
            NodeGetStorageHealthRequest request,
            StreamObserver<NodeGetStorageHealthResponse> observer) {
        operations.answerSoon(
                observer,
                () ->
                        operations.read(
                                ALL_POOLS,
                                "NodeGetStorageHealth",
                                request,
                                () -> HealthReplies.pools(health.ofPools())));
    }
}
