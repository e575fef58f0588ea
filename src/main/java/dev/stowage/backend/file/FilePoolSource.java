package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_DIRECTORY;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.spi.Backend;
import dev.stowage.spi.PoolSource;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Opens a file pool, or makes it where certainly none was before.
public final class FilePoolSource implements PoolSource {
    private static final Logger LOG = LoggerFactory.getLogger(FilePoolSource.class);

    private final FilePoolSettings settings;
    private final SeenPools seen;
    private final FolderClaims claims;
    private final NodeId node;
    private final PoolFolder pool;
    private final NewFile newFile;
    private final PoolLock lock;

    /// @param claims of all pools of this driver
    public FilePoolSource(
            FilePoolSettings settings, SeenPools seen, NodeId node, FolderClaims claims) {
        this.settings = settings;
        this.claims = claims;
        this.lock = new PoolLock(claims, settings);
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
            var opened = openExplained();
            claims.opened(settings.name());
            return opened;
        } catch (IOException | RuntimeException e) {
            claims.failed(settings.name());
            throw e;
        }
    }

    private Backend openExplained() throws IOException {
        try {
            return openHere();
        } catch (IOException e) {
            var notOwn = PoolOwner.notOwn(settings, e);
            if (notOwn.isPresent()) {
                throw notOwn.get();
            }
            if (e instanceof ErrnoException refused && Durable.comesLater(refused)) {
                throw sick(
                        "what must be written first can't be (%s): make room there, or mount it writable"
                                .formatted(e.getMessage()));
            }
            throw e;
        }
    }

    private Backend openHere() throws IOException {
        var obstacle = seen.obstacle();
        if (obstacle.isPresent()) {
            throw sick(obstacle.get());
        }
        seen.refresh();
        var known = seen.known(settings.name(), settings.path());
        var place =
                new PoolPlace(
                        settings, known.stream().findFirst().map(UUID::toString), seen.remembers());
        place.require();
        PoolOwner.requireOwn(settings);
        if (PoolIdentity.read(pool).isEmpty()) {
            requireNew(known);
            place.requireWritable(pool.root());
        }
        var instance = Instance.begin(node, Linux.bootId());
        var sickness = new Sickness();
        var nonces = new Nonces(instance);
        var durable = new Durable(sickness, nonces::temporary, newFile);
        var readOnly = pool.readOnly();
        lock.take(pool.lock(), readOnly, instance, durable);
        try {
            return start(
                    known,
                    new OpenPool.Opening(
                            settings, pool, readOnly, instance, nonces, sickness, durable, lock));
        } catch (IOException | RuntimeException e) {
            lock.release();
            throw e;
        }
    }

    private FileBackend start(List<UUID> known, OpenPool.Opening opening) throws IOException {
        var present = PoolIdentity.read(pool);
        var identity =
                present.isPresent()
                        ? present.get()
                        : PoolIdentity.make(pool, settings.name(), opening.durable());
        requireKnown(identity, known);
        if (!opening.readOnly()) {
            makeFolders(present.isPresent() && known.contains(identity.uuid()), opening.durable());
        }
        if (present.isPresent() && !opening.readOnly()) {
            syncAll();
        }
        var backend = new FileBackend(OpenPool.start(opening, identity));
        try {
            backend.takeUpLeftovers();
            remember(identity, known);
            return backend;
        } catch (IOException | RuntimeException e) {
            backend.close();
            throw e;
        }
    }

    /// What a killed driver wrote counts as done from here on. Whoever goes on with one of its
    /// volumes syncs what that needs once more, so a disk that has no room for the rest may wait.
    private void syncAll() throws IOException {
        try {
            Linux.syncfs(pool.root());
        } catch (ErrnoException e) {
            if (!Durable.comesLater(e)) {
                throw e;
            }
            LOG.warn("pool {}: not all that was written before is on disk yet", settings.name(), e);
        }
    }

    /// A pool that is expected here by its name or its place need not be remembered anew for being
    /// expected the next time.
    private void remember(PoolId identity, List<UUID> known) throws IOException {
        try {
            seen.remember(identity.uuid(), settings.name(), settings.path());
        } catch (IOException | VolumeException e) {
            if (!known.contains(identity.uuid())) {
                throw e;
            }
            LOG.warn(
                    "what pool {} is called and where it lies could not be written to {}; it is tried again when the pool is opened the next time",
                    settings.name(),
                    seen.file(identity.uuid()),
                    e);
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
        // Or the other name's path would count as new as soon as its own disk is away.
        seen.usedElsewhere(identity.uuid(), settings.name(), claims::isConfigured)
                .ifPresent(
                        other -> {
                            throw sick(
                                    "%s holds pool %s, which was used last as %s, and that is still configured: mount the disk that belongs at %s, or remove the other name"
                                            .formatted(
                                                    pool.root(),
                                                    identity.uuid(),
                                                    other,
                                                    pool.root()));
                        });
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
            var made = false;
            for (var name : missing) {
                made |= FolderTree.makeIfAbsent(root, name, newFile);
            }
            if (made) {
                durable.sync(root);
            }
        }
    }

    private VolumeException sick(String what) {
        return new VolumeException(
                Reason.UNAVAILABLE, "pool %s can't be used: %s".formatted(settings.name(), what));
    }
}
