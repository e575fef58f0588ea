package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_DIRECTORY;

import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.volume.Backend;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.PoolSource;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/// Opens a file pool, or makes it where certainly none was before.
public final class FilePoolSource implements PoolSource {
    private final FilePoolSettings settings;
    private final SeenPools seen;
    private final NodeId node;
    private final PoolFolder pool;
    private final NewFile newFile;
    private final PoolLock lock = new PoolLock();

    public FilePoolSource(FilePoolSettings settings, SeenPools seen, NodeId node) {
        this.settings = settings;
        this.seen = seen;
        this.node = node;
        this.pool = new PoolFolder(settings.path());
        this.newFile = PoolOwner.of(settings);
    }

    @Override
    public Optional<String> knownTag() {
        return seen.knownTag(settings.name(), settings.path());
    }

    @Override
    public boolean gives(Class<?> power) {
        return power.isAssignableFrom(FileBackend.class);
    }

    @Override
    public Backend open() throws IOException {
        try {
            return openHere();
        } catch (IOException e) {
            var notOwn = PoolOwner.notOwn(settings, e);
            if (notOwn.isPresent()) {
                throw notOwn.get();
            }
            throw e;
        }
    }

    private Backend openHere() throws IOException {
        seen.refresh();
        var known = seen.known(settings.name(), settings.path());
        new PoolPlace(settings, known.stream().findFirst().map(UUID::toString), seen.remembers())
                .require();
        PoolOwner.requireOwn(settings);
        var present = PoolIdentity.read(pool);
        if (present.isEmpty()) {
            requireNew(known);
        }
        var instance = Instance.begin(node, Linux.bootId());
        var sickness = new Sickness();
        var nonces = new Nonces(instance);
        var durable = new Durable(sickness, nonces::temporary, newFile);
        lock.take(pool.lock(), settings.shared(), instance, durable);
        try {
            return start(known, instance, nonces, sickness, durable);
        } catch (IOException | RuntimeException e) {
            lock.release();
            throw e;
        }
    }

    private FileBackend start(
            List<UUID> known, Instance instance, Nonces nonces, Sickness sickness, Durable durable)
            throws IOException {
        var present = PoolIdentity.read(pool);
        var identity =
                present.isPresent()
                        ? present.get()
                        : PoolIdentity.make(pool, settings.name(), durable);
        requireKnown(identity, known);
        makeFolders(present.isPresent() && known.contains(identity.uuid()), durable);
        if (present.isPresent()) {
            Linux.syncfs(pool.root()); // what a killed driver wrote counts as done from here on
        }
        var backend =
                new FileBackend(
                        OpenPool.start(
                                settings, identity, instance, nonces, sickness, durable, lock));
        try {
            seen.remember(identity.uuid(), settings.name(), settings.path());
            return backend;
        } catch (IOException | RuntimeException e) {
            backend.close();
            throw e;
        }
    }

    private void requireNew(List<UUID> known) throws IOException {
        if (!known.isEmpty()) {
            throw sick(
                    "%s has no pool in it, but pool %s was here before: mount or put back its disk; only if that pool is gone for good, remove %s"
                            .formatted(pool.root(), known.getFirst(), seen.file(known.getFirst())));
        }
        var unreadable = seen.unreadable();
        if (!unreadable.isEmpty()) {
            throw sick(
                    "whether a pool was here before is not known, for %s can't be read: restore or remove it"
                            .formatted(String.join(", ", unreadable)));
        }
        if (!seen.remembers()) {
            throw sick(
                    "%s has no pool in it, and %s"
                            .formatted(pool.root(), PoolPlace.CONTROLLER_MAKES_NONE));
        }
        if (!PoolIdentity.isEmpty(pool.root())) {
            throw sick(
                    "%s is neither empty nor a pool (it has no pool.json): use an empty folder"
                            .formatted(pool.root()));
        }
    }

    private void requireKnown(PoolId identity, List<UUID> known) {
        if (!known.isEmpty() && !known.contains(identity.uuid())) {
            throw sick(
                    "%s holds pool %s, but pool %s was here before: mount or put back its disk; if the change is meant, remove %s"
                            .formatted(
                                    pool.root(),
                                    identity.uuid(),
                                    known.getFirst(),
                                    seen.file(known.getFirst())));
        }
    }

    /// @param complete the pool was in use before, so nothing of it may be missing
    private void makeFolders(boolean complete, Durable durable) throws IOException {
        if (complete && Linux.lstatIfExists(pool.volumes()).isEmpty()) {
            throw sick("%s is missing: restore it from a backup".formatted(pool.volumes()));
        }
        var missing =
                List.of(
                        PoolFolder.VOLUMES,
                        PoolFolder.SNAPSHOTS,
                        PoolFolder.GROUPS,
                        PoolFolder.INCOMING,
                        PoolFolder.TRASH,
                        PoolFolder.NODES,
                        PoolFolder.DRIVERS);
        try (var root = Fd.open(pool.root(), O_DIRECTORY)) {
            for (var name : missing) {
                FolderTree.makeIfAbsent(root, name, newFile);
            }
            durable.sync(root);
        }
    }

    private VolumeException sick(String what) {
        return new VolumeException(
                Reason.UNAVAILABLE, "pool %s can't be used: %s".formatted(settings.name(), what));
    }
}
