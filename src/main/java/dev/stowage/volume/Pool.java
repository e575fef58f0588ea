package dev.stowage.volume;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A configured pool: open, or refused with a reason. A refused pool is tried again when it is
/// asked for, at most every few seconds, so that a disk that comes back needs no restart of the
/// driver.
public final class Pool implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Pool.class);
    private static final Duration BETWEEN_TRIES = Duration.ofSeconds(5);

    private final String name;
    private final PoolDefaults defaults;
    private final PoolSource source;

    private State state = new Untried();

    private sealed interface State {}

    private record Untried() implements State {}

    private record Open(Backend backend) implements State {}

    private record Refused(VolumeException reason, long sinceNanos) implements State {
        boolean retryDue() {
            return System.nanoTime() - sinceNanos >= BETWEEN_TRIES.toNanos();
        }
    }

    public Pool(String name, PoolDefaults defaults, PoolSource source) {
        this.name = PoolId.requireName(name);
        this.defaults = defaults;
        this.source = source;
    }

    /// The name that the configuration gives it today.
    public String name() {
        return name;
    }

    public PoolDefaults defaults() {
        return defaults;
    }

    /// The open backend.
    ///
    /// @throws VolumeException NO_SPACE if this machine lacks the pool, UNAVAILABLE if the pool is
    ///     sick
    public synchronized Backend backend() {
        state = next(state);
        return switch (state) {
            case Open open -> open.backend();
            case Refused refused ->
                    throw new VolumeException(
                            refused.reason().reason(),
                            refused.reason().getMessage(),
                            refused.reason());
            case Untried _ ->
                    throw new IllegalStateException("a pool that was tried is open or refused");
        };
    }

    /// How the pool is. Hangs where its disk does.
    public PoolState state() {
        var refusal = refusal();
        if (refusal.isEmpty()) {
            return PoolState.present(name, conditions(backend()));
        }
        var why = refusal.get().getMessage();
        return refusal.get().reason() == Reason.NO_SPACE
                ? PoolState.absent(name, why)
                : PoolState.present(name, List.of(new Condition(Fault.POOL_UNAVAILABLE, why)));
    }

    private List<Condition> conditions(Backend open) {
        var conditions = new ArrayList<Condition>();
        open.sickness()
                .map(why -> new Condition(Fault.POOL_REFUSES_CHANGES, named(why)))
                .ifPresent(conditions::add);
        if (open instanceof Diagnosable diagnosable) {
            try {
                conditions.addAll(diagnosable.conditions());
            } catch (IOException | VolumeException e) {
                conditions.add(
                        new Condition(
                                Fault.POOL_UNAVAILABLE, named(String.valueOf(e.getMessage()))));
            }
        }
        return conditions;
    }

    private String named(String why) {
        return "pool %s: %s".formatted(name, why);
    }

    /// Whether this machine simply does not have the pool, which is no sickness.
    public boolean isAbsent() {
        return refusal().filter(e -> e.reason() == Reason.NO_SPACE).isPresent();
    }

    /// The backend if the pool can be used at all.
    public Optional<Backend> ifOpen() {
        try {
            return Optional.of(backend());
        } catch (VolumeException e) {
            return Optional.empty();
        }
    }

    /// Whether it lies in this pool, also while the pool is sick. A pool that was open
    /// before is not asked: one that hangs must not hold up calls to the others.
    public boolean owns(PooledId id) {
        return source.knownTag()
                .or(() -> ifOpen().map(open -> open.pool().tag()))
                .filter(id.poolTag()::equals)
                .isPresent();
    }

    /// Whether its backend has the power, usable or not at present.
    boolean gives(Class<?> power) {
        return source.gives(power);
    }

    private Optional<VolumeException> refusal() {
        try {
            var _ = backend();
            return Optional.empty();
        } catch (VolumeException e) {
            return Optional.of(e);
        }
    }

    private State next(State before) {
        return switch (before) {
            case Open open -> open;
            case Refused refused when !refused.retryDue() -> refused;
            case Refused refused -> open(Optional.of(refused.reason().getMessage()));
            case Untried _ -> open(Optional.empty());
        };
    }

    /// @param said what the log already says about this pool; it is not said again
    private State open(Optional<String> said) {
        try {
            var backend = source.open();
            LOG.info("pool {} is open ({})", name, backend.pool().uuid());
            return new Open(backend);
        } catch (VolumeException e) {
            return refuse(e, said);
        } catch (IOException | RuntimeException e) {
            return refuse(
                    new VolumeException(
                            Reason.UNAVAILABLE,
                            "pool %s can't be opened: %s".formatted(name, e.getMessage()),
                            e),
                    said);
        }
    }

    private Refused refuse(VolumeException reason, Optional<String> said) {
        if (said.filter(reason.getMessage()::equals).isEmpty()) {
            LOG.error("{}", reason.getMessage());
        }
        return new Refused(reason, System.nanoTime());
    }

    @Override
    public synchronized void close() {
        if (state instanceof Open open) {
            open.backend().close();
            state = new Untried();
        }
    }
}
