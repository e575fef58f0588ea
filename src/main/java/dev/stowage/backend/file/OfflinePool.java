package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.spi.Backend;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/// A program that brings volumes into a pool or takes copies out, whether or not a driver has the
/// pool open; docs/format.md, "Offline commands". It never makes a pool and never deletes a volume.
public final class OfflinePool implements AutoCloseable {
    private final PoolFolder pool;
    private final PoolId identity;
    private final double overcommit;
    private final Instance instance;
    private final Nonces nonces;
    private final Durable durable;
    private final OpenFolders folders;
    private final VolumeStore store;
    private final DriverLocks locks;

    private OfflinePool(
            FilePoolSettings settings,
            PoolId identity,
            Instance instance,
            Nonces nonces,
            Durable durable,
            DriverLocks locks)
            throws IOException {
        this.pool = new PoolFolder(settings.path());
        this.identity = identity;
        this.overcommit = settings.overcommit();
        this.instance = instance;
        this.locks = locks;
        this.nonces = nonces;
        this.durable = durable;
        store = new VolumeStore(pool, durable);
        folders = OpenFolders.of(pool);
    }

    /// Enters a pool, and clears what offline commands left that were killed on this machine.
    ///
    /// @param node whose pool it is, if it is one node's
    /// @throws VolumeException FAILED_PRECONDITION if there is no pool; UNAVAILABLE if its
    ///     identity can't be read
    public static OfflinePool enter(FilePoolSettings settings, NodeId node) throws IOException {
        var pool = new PoolFolder(settings.path());
        var identity =
                PoolIdentity.read(pool)
                        .orElseThrow(
                                () ->
                                        new VolumeException(
                                                Reason.FAILED_PRECONDITION,
                                                "there is no pool at %s: is its disk mounted? The driver makes the pool when it starts with this configuration"
                                                        .formatted(pool.root())));
        var instance = Instance.begin(node, Linux.bootId());
        var nonces = new Nonces(instance);
        var durable = new Durable(new Sickness(), nonces::temporary, PoolOwner.of(settings));
        var locks = DriverLocks.take(pool.drivers(), instance, durable);
        try {
            clear(pool, locks);
            return new OfflinePool(settings, identity, instance, nonces, durable, locks);
        } catch (IOException | RuntimeException e) {
            locks.close();
            throw e;
        }
    }

    private static void clear(PoolFolder pool, DriverLocks locks) throws IOException {
        var dead = locks.sweepThisMachine();
        try (var entries = Files.list(pool.incoming())) {
            for (var entry : entries.toList()) {
                var maker = Instance.makerOf(VolumeStore.fileName(entry));
                if (maker.filter(dead::contains).isPresent()) {
                    FolderTree.erase(entry);
                }
            }
        }
    }

    public PoolId pool() {
        return identity;
    }

    /// The volume with this id, or the one that was made under this name.
    ///
    /// @throws VolumeException NOT_FOUND
    public Volume require(String idOrName) throws IOException {
        var id = VolumeId.parse(idOrName).orElseGet(() -> VolumeId.of(identity, idOrName));
        return store.find(id).orElseThrow(() -> Backend.noSuchVolume(idOrName));
    }

    /// Makes a volume that holds `content` and is never formatted, or finds the one that was made
    /// so before. Killed at any instruction, there is a whole volume or none.
    ///
    /// @throws VolumeException ALREADY_EXISTS if the name is taken by a volume that differs;
    ///     NO_SPACE if the pool has not that much unreserved
    public Volume adopt(VolumeSpec spec, FirstContent content) throws IOException {
        var id = VolumeId.of(identity, spec.name());
        var present = store.find(id);
        if (present.isPresent()) {
            return before(present.get(), spec);
        }
        var volume = Volume.granted(id, spec, Instant.now());
        var nonce = nonces.of(id);
        reserve(nonce, volume);
        try {
            locks.require();
            var builder = new VolumeBuilder(pool, folders, durable);
            return builder.build(volume, adopted(content, nonce), nonce)
                    ? volume
                    : before(require(id.toString()), spec);
        } catch (ErrnoException e) {
            throw CapacityCheck.explained(e, pool.root());
        }
    }

    private Filling adopted(FirstContent content, String nonce) {
        var path = pool.incoming().resolve(nonce).resolve(VolumeFolder.IMAGE);
        return (image, provisioning, bytes) -> {
            Filling.size(image, provisioning, bytes);
            content.fill(image, path);
            return new FormatState.Adopted();
        };
    }

    /// Counts as a driver does at its start. What a running driver grants at the same time is not
    /// seen; for thick volumes the disk decides between the two.
    private void reserve(String nonce, Volume volume) throws IOException {
        var reservations = new Reservations(pool.root(), instance, overcommit);
        reservations.endCount(PoolScan.of(pool, true).found());
        reservations.reserve(
                ReservationKey.build(nonce), volume.capacityBytes(), volume.provisioning());
    }

    private Volume before(Volume present, VolumeSpec spec) throws IOException {
        var difference = difference(present, spec);
        if (difference.isPresent()) {
            throw new VolumeException(
                    Reason.ALREADY_EXISTS,
                    "a volume named '%s' exists (%s) and is not what is to be imported: %s; choose another name"
                            .formatted(spec.name(), present.id(), difference.get()));
        }
        durable.sync(folders.volumes());
        return present;
    }

    /// One that has grown since is the same.
    private Optional<String> difference(Volume present, VolumeSpec spec) throws IOException {
        if (!(store.formatState(present.id()) instanceof FormatState.Adopted)) {
            return Optional.of("it was not imported");
        }
        return present.capacityBytes() > spec.sizeBytes()
                ? present.withCapacity(spec.sizeBytes()).differenceFrom(spec)
                : present.differenceFrom(spec);
    }

    /// Copies the volume's image to a new file, whole and durable.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if somebody may write to the volume meanwhile;
    ///     ALREADY_EXISTS if the file is there
    public void export(Volume volume, Path file) throws IOException {
        requireUnwritten(volume.id());
        new ImageExport(store.image(volume.id()), volume.provisioning(), nonces.temporary())
                .to(file, () -> requireUnwritten(volume.id()));
    }

    private void requireUnwritten(VolumeId id) throws IOException {
        var folder = pool.volume(id);
        var writers = AttachmentRecords.writers(folder);
        if (!writers.isEmpty()) {
            throw AttachmentRecords.attachedTo(folder, writers);
        }
        var image = Linux.lstat(store.image(id)).id();
        for (var loop : LoopUsers.of(id, image)) {
            if (!loop.readOnly()) {
                throw new VolumeException(
                        Reason.FAILED_PRECONDITION,
                        "volume %s is in use on this machine (%s) and may be written to while it is copied: end the pods that use it first"
                                .formatted(id, loop.path()));
            }
        }
    }

    @Override
    public void close() {
        folders.close();
        locks.close();
    }
}
