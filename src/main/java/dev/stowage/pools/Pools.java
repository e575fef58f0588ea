package dev.stowage.pools;

import dev.stowage.spi.Backend;
import dev.stowage.volume.IoSupplier;
import dev.stowage.volume.PooledId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// The configured pools. One that is sick is sick alone.
public final class Pools implements AutoCloseable {
    private final List<Pool> pools;
    private final Optional<String> defaultPool;

    /// @param defaultPool the pool for requests that name none
    public Pools(Collection<Pool> pools, Optional<String> defaultPool) {
        this.pools = pools.stream().sorted(Comparator.comparing(Pool::name)).toList();
        this.defaultPool = defaultPool;
    }

    public List<Pool> all() {
        return pools;
    }

    /// The pool called `name` in the configuration, or the default one.
    public Pool named(Optional<String> name) {
        var wanted = name.or(() -> defaultPool).orElseThrow(this::nothingNamed);
        return pools.stream()
                .filter(p -> p.name().equals(wanted))
                .findFirst()
                .orElseThrow(() -> unknown(wanted));
    }

    /// The open backend that holds the volume, whether or not the volume exists.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if the pool is none of ours, UNAVAILABLE if it
    ///     is sick
    public Backend holding(PooledId id) {
        return owning(id).backend();
    }

    /// The pool that it lies in, or would; it may be sick.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if the pool is none of ours
    public Pool owning(PooledId id) {
        return owner(id).orElseThrow(() -> notHere(id));
    }

    /// One that was never open is asked last: it may have to be opened for that, and hang.
    Optional<Pool> owner(PooledId id) {
        var known = pools.stream().filter(pool -> pool.isKnownToOwn(id)).findFirst();
        return known.isPresent() ? known : pools.stream().filter(p -> p.owns(id)).findFirst();
    }

    /// A pool that is open.
    record Usable(Pool pool, Backend backend) {
        /// The answer of this pool among several; empty if it is sick or does not answer.
        ///
        /// @param what is asked, for messages
        <T> Optional<T> ask(String what, IoSupplier<T> question) throws IOException {
            return unlessSick(() -> pool.ask(what, question));
        }

        /// How the ids of the pool begin.
        private String prefix() {
            return backend.pool().name() + "." + backend.pool().tag() + ".";
        }

        /// Whether ids of this pool can come after this one.
        boolean mayFollow(PooledId id) {
            return prefix().compareTo(prefix(id)) >= 0;
        }

        boolean owns(PooledId id) {
            return prefix().equals(prefix(id));
        }

        private static String prefix(PooledId id) {
            return id.pool() + "." + id.poolTag() + ".";
        }
    }

    /// Those that can be used, in order of their ids. All are begun before one is waited for, so
    /// that several that hang are waited for together.
    List<Usable> usable() {
        pools.forEach(Pool::begin);
        return pools.stream()
                .flatMap(pool -> pool.ifOpen().map(open -> new Usable(pool, open)).stream())
                .sorted(Comparator.comparing(Usable::prefix))
                .toList();
    }

    /// What a thread waits for in one of the pools, in words; empty if it does not.
    public Optional<String> waiting(Thread thread) {
        return pools.stream().flatMap(pool -> pool.waiting(thread).stream()).findFirst();
    }

    /// What to answer where work on a volume outside of its pool failed: the failure itself, or
    /// UNAVAILABLE with what the volume's pool has.
    ///
    /// @throws VolumeException in the latter case
    IOException judged(PooledId id, IOException failed) {
        var pool = owner(id);
        if (pool.isPresent() && pool.get().judged(failed) instanceof VolumeException refused) {
            throw refused;
        }
        return failed;
    }

    /// For whoever asks several pools: the answer of one, or empty if it turns out to be sick,
    /// which its own log line says. One that is sick is sick alone.
    static <T> Optional<T> unlessSick(IoSupplier<T> question) throws IOException {
        try {
            return Optional.of(question.get());
        } catch (VolumeException e) {
            if (e.reason() == Reason.UNAVAILABLE) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /// Whether any of the pools has the power, usable or not at present.
    public boolean give(Class<?> power) {
        return pools.stream().anyMatch(pool -> pool.gives(power));
    }

    private VolumeException nothingNamed() {
        return new VolumeException(
                Reason.INVALID,
                "no pool is named and there is no defaultPool: set parameter 'pool' to one of "
                        + names());
    }

    private VolumeException unknown(String wanted) {
        return new VolumeException(
                Reason.INVALID,
                "pool '%s' is not configured: use one of %s".formatted(wanted, names()));
    }

    private VolumeException notHere(PooledId id) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "%s lies in pool %s (%s), which is not here: ask the node or driver that has it, or configure the pool"
                        .formatted(id, id.pool(), id.poolTag()));
    }

    private String names() {
        return pools.stream().map(Pool::name).collect(Collectors.joining(", "));
    }

    @Override
    public void close() {
        pools.forEach(Pool::close);
    }
}
