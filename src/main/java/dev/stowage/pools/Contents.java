package dev.stowage.pools;

import dev.stowage.spi.Backend;
import dev.stowage.spi.Cloning;
import dev.stowage.spi.CopySource;
import dev.stowage.spi.FormatLedger;
import dev.stowage.spi.FormatTrial;
import dev.stowage.spi.Snapshots;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Content;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.LargestVolume;
import dev.stowage.volume.PooledId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;

/// Makes volumes with what they are to begin with, which may lie in another pool.
final class Contents {
    private final Pools pools;
    private final FormatTrial trial;

    Contents(Pools pools, FormatTrial trial) {
        this.pools = pools;
        this.trial = trial;
    }

    /// Makes the volume or finds the one that is there, whatever it looks like.
    Volume make(Backend backend, VolumeId id, VolumeSpec spec) throws IOException {
        if (spec.content() instanceof Content.Blank) {
            tryFormat(spec);
            return backend.create(id, spec);
        }
        var present = backend.find(id);
        if (present.isPresent()) { // what it began with may be gone
            return present.get();
        }
        if (!(backend instanceof Cloning cloning)) {
            throw new VolumeException(
                    Reason.INVALID,
                    "pool %s can only make blank volumes: use another pool"
                            .formatted(backend.pool().name()));
        }
        try (var copySource = open(spec.content())) {
            requireUse(copySource, spec);
            var copy = spec.holding(copySource.sizeBytes(), copySource.blockSizeBytes());
            if (copySource.format() instanceof FormatState.Blank) {
                tryFormat(copy);
            }
            return cloning.createFrom(id, copy, copySource);
        } catch (IOException e) { // which the new volume's own pool is not at fault for
            throw pools.judged(source(spec.content()), e);
        }
    }

    /// The part of `capacity` that the volume's file system can have at its first use. What is
    /// formatted already, its backend knows.
    ///
    /// @throws VolumeException OUT_OF_RANGE or INVALID if there is none
    CapacityRange growth(Volume volume, CapacityRange capacity) throws IOException {
        if (volume.fileSystem().isEmpty()
                || !(pools.holding(volume.id()) instanceof FormatLedger ledger)
                || !(ledger.formatState(volume.id()) instanceof FormatState.Blank)) {
            return capacity;
        }
        var type = volume.fileSystem().get();
        var within = LargestVolume.within(capacity, type, volume.mkfsOptions());
        trial.require(type, volume.mkfsOptions(), within.choose(volume.capacityBytes()));
        return within;
    }

    private void tryFormat(VolumeSpec spec) {
        spec.fileSystem()
                .ifPresent(type -> trial.require(type, spec.mkfsOptions(), spec.sizeBytes()));
    }

    private static PooledId source(Content content) {
        return switch (content) {
            case Content.Blank _ -> throw new IllegalArgumentException("it comes from nowhere");
            case Content.OfSnapshot(var id) -> id;
            case Content.OfVolume(var id) -> id;
        };
    }

    private CopySource open(Content content) throws IOException {
        return switch (content) {
            case Content.Blank _ -> throw new IllegalArgumentException("nothing to open");
            case Content.OfSnapshot(var id) -> {
                if (holding(id) instanceof Snapshots snapshots) {
                    yield snapshots.openSnapshot(id);
                }
                throw Snapshots.noSuchSnapshot(id.toString());
            }
            case Content.OfVolume(var id) -> {
                if (holding(id) instanceof Cloning cloning) {
                    yield cloning.openVolume(id);
                }
                throw new VolumeException(
                        Reason.INVALID,
                        "volume %s lies in a pool whose volumes can't be copied".formatted(id));
            }
        };
    }

    /// On another node the pool may be: the provisioner asks there after this.
    private Backend holding(PooledId id) {
        return pools.owner(id).orElseThrow(() -> notHere(id)).backend();
    }

    private static VolumeException notHere(PooledId id) {
        return new VolumeException(
                Reason.NO_SPACE,
                "%s, which the volume is to begin with, lies in pool %s (%s), which is not here: the volume can be made only where that pool is (a StorageClass with volumeBindingMode Immediate gets there soonest)"
                        .formatted(id, id.pool(), id.poolTag()));
    }

    /// A copy keeps the file system that it has. Only what is still blank can become anything; raw
    /// block content may turn out to hold what is asked for, and a file system may be read raw.
    private static void requireUse(CopySource copySource, VolumeSpec spec) throws IOException {
        var has = copySource.fileSystem();
        var wanted = spec.fileSystem();
        if (has.isPresent()
                && wanted.isPresent()
                && !has.equals(wanted)
                && !(copySource.format() instanceof FormatState.Blank)) {
            throw new VolumeException(
                    Reason.INVALID,
                    "what the volume is to begin with holds %s, not %s: ask for %s"
                            .formatted(has.get(), wanted.get(), has.get()));
        }
    }
}
