package dev.stowage.backend.file;

import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.VolumeSpec;
import java.util.List;
import java.util.Optional;

/// Raw block volumes of some size.
final class Specs {
    private Specs() {}

    static VolumeSpec thick(String name, long bytes) {
        return of(name, bytes, Provisioning.THICK);
    }

    static VolumeSpec thin(String name, long bytes) {
        return of(name, bytes, Provisioning.THIN);
    }

    private static VolumeSpec of(String name, long bytes, Provisioning provisioning) {
        return new VolumeSpec(
                name,
                CapacityRange.atLeast(bytes),
                Optional.empty(),
                List.of(),
                provisioning,
                VolumeSpec.DEFAULT_BLOCK_SIZE);
    }
}
