package dev.stowage.pools;

import dev.stowage.spi.Backend;
import dev.stowage.spi.Diagnosable;
import dev.stowage.spi.PoolSource;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.IoSupplier;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.PooledId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Topology;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A configured pool: open, or refused with a reason. A refused pool is tried again when it is
/// asked for, at most every few seconds, so that a disk that comes back needs no restart of the
/// driver.
public final class Pool implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Pool.class);
    private static final Duration BETWEEN_TRIES = Duration.ofSeconds(5);

    /// How long callers wait for the pool to be opened. One with 100,000 volumes needs seconds.
    private static final Duration OPENING = Duration.ofSeconds(15);

    private static final Duration CLOSING = Duration.ofSeconds(5);

    /// How long a call that goes to several pools waits for the answer of one.
    private static final Duration ANSWER = Duration.ofSeconds(10);

    private final String name;
    private final PoolDefaults defaults;
    private final PoolSource source;

    private State state = new Untried();

    private final Questions questions;

    /// The backend that was open last; who it is can be asked also when it is closed.
    private Optional<Backend> last = Optional.empty();

    private sealed interface State {}

    private record Untried() implements State {}

    /// A thread of its own opens the pool: its disk may hang.
    private record Opening(long sinceNanos, CompletableFuture<State> result) implements State {}

    private record Open(OpenBackend opened) implements State {}

    /// @param leaving what was open before and is not left by all its callers yet
    private record Refused(VolumeException reason, long sinceNanos, Optional<OpenBackend> leaving)
            implements State {
        boolean retryDue() {
            return System.nanoTime() - sinceNanos >= BETWEEN_TRIES.toNanos()
                    && leaving.map(OpenBackend::closed).orElse(true);
        }
    }

    public Pool(String name, PoolDefaults defaults, PoolSource source) {
        this.name = PoolId.requireName(name);
        this.defaults = defaults;
        this.source = source;
        this.questions = new Questions(name, ANSWER);
    }

    /// The name that the configuration gives it today.
    public String name() {
        return name;
    }

    public PoolDefaults defaults() {
        return defaults;
    }

    /// The open backend. A call of it that fails because the pool itself is at fault is UNAVAILABLE
    /// with the reason, and from then on the pool is refused until it can be opened anew.
    ///
    /// @throws VolumeException NO_SPACE if this machine lacks the pool, UNAVAILABLE if the pool is
    ///     sick
    public Backend backend() {
        return opened().guarded();
    }

    private OpenBackend opened() {
        return switch (settled(begun())) {
            case Open open -> open.opened();
            case Refused refused -> throw OpenBackend.again(refused.reason());
            case Untried _, Opening _ ->
                    throw new IllegalStateException("a pool that was tried is open or refused");
        };
    }

    /// Begins to open the pool if that is due, and does not wait for it.
    public void begin() {
        var _ = begun();
    }

    /// Where an opening has not ended in time, nobody waits for it any more until it does.
    private State settled(State state) {
        if (!(state instanceof Opening opening)) {
            return state;
        }
        var left = OPENING.toNanos() - (System.nanoTime() - opening.sinceNanos());
        try {
            return opening.result().get(Math.max(0, left), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw stillOpening(opening);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw stillOpening(opening);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    private VolumeException stillOpening(Opening opening) {
        return new VolumeException(
                Reason.UNAVAILABLE,
                "this waits for "
                        + Callers.silence(name, "it is being opened", opening.sinceNanos()));
    }

    /// How the pool is. Hangs where its disk does.
    public PoolState state() {
        try {
            return PoolState.present(name, conditions(opened()));
        } catch (VolumeException e) {
            return e.reason() == Reason.NO_SPACE
                    ? PoolState.absent(name, e.getMessage())
                    : PoolState.present(name, List.of(unavailable(e.getMessage())));
        }
    }

    private static Condition unavailable(String why) {
        return new Condition(Fault.POOL_UNAVAILABLE, why);
    }

    private List<Condition> conditions(OpenBackend open) {
        var conditions = new ArrayList<Condition>();
        open.itself()
                .sickness()
                .map(why -> new Condition(Fault.POOL_REFUSES_CHANGES, named(why)))
                .ifPresent(conditions::add);
        try {
            conditions.addAll(examine(open));
        } catch (IOException e) {
            conditions.add(unavailable(named(String.valueOf(e.getMessage()))));
        }
        return conditions;
    }

    /// @throws VolumeException if the pool can't be used as it is; it has been given up then
    private List<Condition> examine(OpenBackend open) throws IOException {
        if (!(open.guarded() instanceof Diagnosable diagnosable)) {
            return List.of();
        }
        return diagnosable.conditions();
    }

    /// Whether the pool can take changes at present: it is open, and nothing but room can be
    /// missing.
    boolean takesChanges() {
        try {
            var open = opened();
            return open.itself().sickness().isEmpty() && readOnly(examine(open)).isEmpty();
        } catch (IOException | VolumeException e) {
            return false;
        }
    }

    private static Optional<Condition> readOnly(List<Condition> conditions) {
        return conditions.stream().filter(c -> c.fault() == Fault.POOL_READ_ONLY).findFirst();
    }

    /// Looks whether the pool is at fault where work on one of its volumes failed.
    ///
    /// @return what to answer: the failure itself, or UNAVAILABLE with what the pool has
    Exception judged(Exception failed) {
        try {
            return judge(opened(), failed);
        } catch (VolumeException e) {
            return e;
        }
    }

    /// A pool that can't be examined is given up; one that is read-only stays open for those that
    /// read.
    private Exception judge(OpenBackend open, Exception failed) {
        if (failed instanceof VolumeException refused && refused.reason() != Reason.UNAVAILABLE) {
            return failed;
        }
        try {
            var conditions =
                    open.itself() instanceof Diagnosable diagnosable
                            ? diagnosable.conditions()
                            : List.<Condition>of();
            return failed instanceof VolumeException refused
                    ? new VolumeException(refused.reason(), named(refused.getMessage()), refused)
                    : readOnly(conditions).<Exception>map(c -> because(c, failed)).orElse(failed);
        } catch (VolumeException e) {
            return giveUp(open, e);
        } catch (IOException e) { // says nothing of the pool
            failed.addSuppressed(e);
            return failed;
        }
    }

    private VolumeException because(Condition condition, Exception failed) {
        return new VolumeException(
                Reason.UNAVAILABLE,
                named("%s (%s)".formatted(condition.message(), failed.getMessage())),
                failed);
    }

    private VolumeException giveUp(OpenBackend open, VolumeException examined) {
        var reason =
                new VolumeException(Reason.UNAVAILABLE, named(examined.getMessage()), examined);
        synchronized (this) {
            if (state instanceof Open current && current.opened() == open) {
                LOG.error(
                        "{}; lists leave its volumes out until it can be used",
                        reason.getMessage());
                state = new Refused(reason, System.nanoTime(), Optional.of(open));
            }
        }
        open.giveUp(reason);
        return reason;
    }

    private String named(String why) {
        var begin = "pool " + name;
        return why.startsWith(begin) ? why : begin + ": " + why;
    }

    /// The backend if the pool can be used at all.
    public Optional<Backend> ifOpen() {
        try {
            return Optional.of(backend());
        } catch (VolumeException e) {
            return Optional.empty();
        }
    }

    /// The backend if the pool is open at this moment; nothing is begun and nothing waited for.
    Optional<Backend> ifOpenNow() {
        synchronized (this) {
            return state instanceof Open open
                    ? Optional.of(open.opened().guarded())
                    : Optional.empty();
        }
    }

    /// Asks the pool on another thread and waits only so long, for calls that go to several pools.
    ///
    /// @param what is asked, for messages
    /// @throws VolumeException UNAVAILABLE if the pool does not answer in time
    public <T> T ask(String what, IoSupplier<T> question) throws IOException {
        return questions.ask(what, question);
    }

    /// What a thread waits for in this pool, in words; empty if it does not.
    Optional<String> waiting(Thread thread) {
        synchronized (this) {
            return state instanceof Open open ? open.opened().waiting(thread) : Optional.empty();
        }
    }

    /// Whether it lies in this pool, as far as that is known without opening it: it was open
    /// before.
    boolean isKnownToOwn(PooledId id) {
        Optional<Backend> before;
        synchronized (this) {
            before = last;
        }
        return owns(id, source.knownTag().or(() -> before.map(open -> open.pool().tag())));
    }

    /// Whether it lies in this pool, also while the pool is sick.
    public boolean owns(PooledId id) {
        return owns(id, source.knownTag().or(() -> lastOpen().map(open -> open.pool().tag())));
    }

    private static boolean owns(PooledId id, Optional<String> tag) {
        return tag.filter(id.poolTag()::equals).isPresent();
    }

    /// Where its volumes can be reached, seen from `node`; known also while the pool is sick.
    ///
    /// @throws VolumeException as [#backend()], if it never was open
    public Topology topology(NodeId node) {
        return lastOpen().orElseGet(this::backend).topology(node);
    }

    private Optional<Backend> lastOpen() {
        synchronized (this) {
            if (last.isPresent()) {
                return last;
            }
        }
        return ifOpen();
    }

    /// Whether its backend has the power, usable or not at present.
    boolean gives(Class<?> power) {
        return source.gives(power);
    }

    private synchronized State begun() {
        switch (state) {
            case Untried _ -> state = opening(Optional.empty());
            case Refused refused when refused.retryDue() ->
                    state = opening(Optional.of(refused.reason().getMessage()));
            case Refused _, Opening _, Open _ -> {}
        }
        return state;
    }

    /// @param said what the log already says about this pool; it is not said again
    private Opening opening(Optional<String> said) {
        var opening = new Opening(System.nanoTime(), new CompletableFuture<>());
        Thread.ofPlatform()
                .daemon(true)
                .name("pool-open-" + name)
                .start(() -> opening.result().complete(ended(opening, open(said))));
        return opening;
    }

    private State ended(Opening opening, State result) {
        synchronized (this) {
            if (state == opening) {
                state = result;
                if (result instanceof Open open) {
                    last = Optional.of(open.opened().guarded());
                }
                return result;
            }
        }
        if (result instanceof Open open) { // the driver ended meanwhile
            open.opened().close();
        }
        return result;
    }

    /// @param said what the log already says about this pool; it is not said again
    private State open(Optional<String> said) {
        try {
            var opened = new OpenBackend(source.open(), this::judge);
            LOG.info("pool {} is open ({})", name, opened.itself().pool().uuid());
            return new Open(opened);
        } catch (VolumeException e) {
            return refuse(e, said);
        } catch (IOException | RuntimeException | Error e) { // whatever it is, callers wait for it
            return refuse(
                    new VolumeException(
                            Reason.UNAVAILABLE,
                            "pool %s can't be opened: %s: look at its disk and the kernel's log (dmesg); it is tried again every few seconds"
                                    .formatted(name, e.getMessage()),
                            e),
                    said);
        }
    }

    private Refused refuse(VolumeException reason, Optional<String> said) {
        if (said.filter(reason.getMessage()::equals).isEmpty()) {
            LOG.error("{}", reason.getMessage());
        }
        return new Refused(reason, System.nanoTime(), Optional.empty());
    }

    /// Returns within a bound: what a disk that hangs keeps open, the end of the process releases.
    @Override
    public void close() {
        Optional<OpenBackend> open;
        synchronized (this) {
            open =
                    switch (state) {
                        case Open current -> Optional.of(current.opened());
                        case Refused refused -> refused.leaving();
                        case Untried _, Opening _ -> Optional.empty();
                    };
            state = new Untried();
        }
        questions.close();
        open.ifPresent(this::close);
    }

    private void close(OpenBackend open) {
        var closing =
                Thread.ofPlatform().daemon(true).name("pool-close-" + name).start(open::close);
        try {
            if (!closing.join(CLOSING)) {
                LOG.warn("pool {} does not answer and is left as it is", name);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
