package dev.stowage.node.limit;

import dev.stowage.node.device.Connectors;
import dev.stowage.spi.VolumeCheck;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;

/// Whether a volume that is in use here is held to its limits on I/O. Looking sets them, if that is
/// all that is missing.
public final class LimitsCheck implements VolumeCheck {
    private final Connectors connectors;
    private final Limiting limiting;
    private final Limiting.Records records;

    public LimitsCheck(Connectors connectors, Limiting limiting, Limiting.Records records) {
        this.connectors = connectors;
        this.limiting = limiting;
        this.records = records;
    }

    @Override
    public List<Condition> conditions(VolumeId id) throws IOException {
        if (connectors.find(id).known().isEmpty()) {
            return List.of();
        }
        return records.find(id).flatMap(limiting::apply).stream()
                .map(
                        why ->
                                new Condition(
                                        Fault.LIMITS_NOT_APPLIED,
                                        "of volume %s: %s".formatted(id, why)))
                .toList();
    }
}
