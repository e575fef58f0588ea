package dev.stowage.csi;

import csi.v1.ControllerGetVolumeHealthResponse;
import csi.v1.ControllerListVolumeHealthResponse;
import csi.v1.NodeGetStorageHealthResponse;
import csi.v1.NodeGetStorageHealthResponse.StorageBackendHealth;
import csi.v1.NodeGetVolumeHealthResponse;
import csi.v1.StorageHealthErrorType;
import csi.v1.VolumeHealth;
import csi.v1.VolumeHealthErrorType;
import dev.stowage.pools.Diagnosis;
import dev.stowage.pools.Health;
import dev.stowage.pools.PoolState;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// Conditions in CSI's words.
final class HealthReplies {
    private HealthReplies() {}

    static ControllerGetVolumeHealthResponse known(Diagnosis diagnosis) {
        return ControllerGetVolumeHealthResponse.newBuilder()
                .setVolumeHealth(volume(diagnosis))
                .build();
    }

    static ControllerListVolumeHealthResponse listed(Health.Page page) {
        var reply = ControllerListVolumeHealthResponse.newBuilder();
        page.diagnoses().forEach(diagnosis -> reply.addEntries(volume(diagnosis)));
        page.next().ifPresent(next -> reply.setNextToken(next.toString()));
        return reply.build();
    }

    static NodeGetVolumeHealthResponse here(Diagnosis diagnosis) {
        return NodeGetVolumeHealthResponse.newBuilder().setVolumeHealth(volume(diagnosis)).build();
    }

    private static VolumeHealth volume(Diagnosis diagnosis) {
        var reply = VolumeHealth.newBuilder().setVolumeId(diagnosis.volume().toString());
        messages(diagnosis.conditions())
                .forEach(
                        (fault, message) ->
                                reply.addHealthStatuses(
                                        VolumeHealth.VolumeHealthEntry.newBuilder()
                                                .setStatus(status(fault))
                                                .setReason(fault.word())
                                                .setMessage(message)));
        return reply.build();
    }

    static NodeGetStorageHealthResponse pools(List<PoolState> pools) {
        var reply = NodeGetStorageHealthResponse.newBuilder();
        messages(pools.stream().flatMap(pool -> pool.conditions().stream()).toList())
                .forEach(
                        (fault, message) ->
                                reply.addBackendHealth(
                                        StorageBackendHealth.newBuilder()
                                                .setStatus(storageStatus(fault))
                                                .setReason(fault.word())
                                                .setMessage(message)));
        return reply.build();
    }

    /// CSI allows one entry for each reason: what several devices or pools have is one.
    private static Map<Fault, String> messages(List<Condition> conditions) {
        var messages = new EnumMap<Fault, String>(Fault.class);
        conditions.forEach(
                condition ->
                        messages.merge(
                                condition.fault(),
                                condition.message(),
                                (one, other) -> one.equals(other) ? one : one + "; " + other));
        return messages;
    }

    private static VolumeHealthErrorType status(Fault fault) {
        return switch (fault.effect()) {
            case DEGRADED -> VolumeHealthErrorType.DEGRADED;
            case INACCESSIBLE -> VolumeHealthErrorType.INACCESSIBLE;
            case DATA_LOSS -> VolumeHealthErrorType.DATA_LOSS;
        };
    }

    private static StorageHealthErrorType storageStatus(Fault fault) {
        return switch (fault.effect()) {
            case DEGRADED -> StorageHealthErrorType.STORAGE_DEGRADED;
            case INACCESSIBLE, DATA_LOSS -> StorageHealthErrorType.STORAGE_UNREACHABLE;
        };
    }
}
