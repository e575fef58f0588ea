package dev.stowage.backend.file;

import dev.stowage.linux.FileId;
import dev.stowage.linux.Linux;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// One folder is one pool, by whatever paths the configuration reaches it: a link, a bind mount, a
/// second mount. A pool is known by its uuid and by the identity of its folder. Of several names
/// for one pool the first in order that can be opened is used, and the others are refused.
public final class FolderClaims {
    /// For the look at another pool's folder, whose disk may hang.
    private static final Duration LOOKING = Duration.ofSeconds(2);

    private final SortedMap<String, Path> configured;
    private final Map<String, Claim> claims = new HashMap<>();
    private final Map<String, CompletableFuture<Optional<Claim>>> looks = new HashMap<>();

    /// Names whose pool could not be opened the last time: no other waits for them.
    private final Set<String> failed = ConcurrentHashMap.newKeySet();

    /// @param pool empty where none has been made yet
    private record Claim(Path path, FileId folder, Optional<PoolId> pool) {
        boolean meets(Claim other) {
            return folder.equals(other.folder)
                    || (pool.isPresent()
                            && pool.map(PoolId::uuid).equals(other.pool.map(PoolId::uuid)));
        }
    }

    /// @param configured the names and folders of all pools of this driver
    public FolderClaims(Map<String, Path> configured) {
        this.configured = new TreeMap<>(configured);
    }

    /// Takes the pool's folder for `name`.
    ///
    /// @throws VolumeException UNAVAILABLE if another name of the configuration has the same pool,
    ///     and comes first or uses it already
    void take(String name, Path path) throws IOException {
        var own = look(path);
        for (var before : configured.headMap(name).entrySet()) {
            var other = before.getKey();
            if (failed.contains(other)) {
                continue;
            }
            var there = lookAt(other, before.getValue());
            if (there.filter(own::meets).isPresent()) {
                throw refused(name, own, other, there.get());
            }
        }
        synchronized (this) {
            for (var other : claims.entrySet()) {
                if (!other.getKey().equals(name) && own.meets(other.getValue())) {
                    throw refused(name, own, other.getKey(), other.getValue());
                }
            }
            claims.put(name, own);
        }
    }

    void opened(String name) {
        failed.remove(name);
    }

    void failed(String name) {
        failed.add(name);
    }

    /// Whether a pool that was used last under this name and path is configured so still.
    boolean isConfigured(String name, Path path) {
        return path.equals(configured.get(name));
    }

    synchronized void release(String name) {
        claims.remove(name);
    }

    private static Claim look(Path path) throws IOException {
        return new Claim(path, Linux.stat(path).id(), PoolIdentity.read(new PoolFolder(path)));
    }

    /// Empty where it can't be seen; a look that hangs costs one thread, however often it is asked
    /// for.
    private Optional<Claim> lookAt(String name, Path path) {
        try {
            return looking(name, path).get(LOOKING.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    private synchronized CompletableFuture<Optional<Claim>> looking(String name, Path path) {
        var look = looks.get(name);
        if (look == null || look.isDone()) {
            look = new CompletableFuture<>();
            var asked = look;
            Thread.ofPlatform()
                    .daemon()
                    .name("stowage-look-" + name)
                    .start(() -> asked.complete(seen(path)));
            looks.put(name, look);
        }
        return look;
    }

    private static Optional<Claim> seen(Path path) {
        try {
            return Optional.of(look(path));
        } catch (IOException | VolumeException e) { // not there, or no pool that can be read
            return Optional.empty();
        }
    }

    private static VolumeException refused(String name, Claim own, String other, Claim there) {
        var same =
                own.folder().equals(there.folder())
                        ? "are the same folder"
                        : "hold the same pool " + there.pool().map(PoolId::uuid).orElseThrow();
        return new VolumeException(
                Reason.UNAVAILABLE,
                "pool %s can't be used: its path %s and the path %s of pool %s %s, and %s comes first or is used: remove one of pools.%s and pools.%s from the configuration, or give each a pool of its own"
                        .formatted(
                                name, own.path(), there.path(), other, same, other, other, name));
    }
}
