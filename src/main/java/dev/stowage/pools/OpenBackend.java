package dev.stowage.pools;

import dev.stowage.spi.Backend;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// An open backend with everybody who is in it. Callers get it with all its powers, but each call
/// passes here: a failure that only says what the machine did is judged, so that a pool whose own
/// disk has died is told from a volume that is damaged; and a backend that was given up is closed
/// when the last call has left it, never below one that runs.
///
/// The calls are those of all interfaces of the backend, known and future ones; so this is a
/// [Proxy], see docs/decisions/013.
final class OpenBackend {
    private final Backend backend;
    private final Backend guarded;
    private final Judge judge;
    private final Callers callers;
    private Optional<VolumeException> givenUp = Optional.empty();
    private boolean closing;
    private boolean closed;

    /// What a failed call means.
    interface Judge {
        /// @return what to answer: the failure itself, or that the whole pool can't be used
        Exception judge(OpenBackend open, Exception failed);
    }

    OpenBackend(Backend backend, Judge judge) {
        this.backend = backend;
        this.callers = new Callers(backend.pool().name());
        this.judge = judge;
        this.guarded =
                (Backend)
                        Proxy.newProxyInstance(
                                Backend.class.getClassLoader(),
                                interfaces(backend.getClass()).toArray(Class<?>[]::new),
                                this::call);
    }

    private static Set<Class<?>> interfaces(@Nullable Class<?> type) {
        var found = new LinkedHashSet<Class<?>>();
        for (var each = type; each != null; each = each.getSuperclass()) {
            found.addAll(Arrays.asList(each.getInterfaces()));
        }
        return found;
    }

    /// What callers use.
    Backend guarded() {
        return guarded;
    }

    /// The backend itself, past the judge.
    Backend itself() {
        return backend;
    }

    private @Nullable Object call(Object proxy, Method method, @Nullable Object @Nullable [] given)
            throws Throwable {
        if (method.getDeclaringClass() == Object.class) {
            return ofObject(proxy, method, given);
        }
        if (!Arrays.asList(method.getExceptionTypes()).contains(IOException.class)) {
            return invoke(method, given); // does not look at the disk
        }
        enter(method.getName());
        try {
            return invoke(method, given);
        } catch (IOException | VolumeException e) {
            throw judge.judge(this, e);
        } finally {
            leave();
        }
    }

    private @Nullable Object invoke(Method method, @Nullable Object @Nullable [] given)
            throws Throwable {
        try {
            return method.invoke(backend, given);
        } catch (InvocationTargetException e) {
            throw e.getCause() == null ? e : e.getCause();
        }
    }

    private Object ofObject(Object proxy, Method method, @Nullable Object @Nullable [] given) {
        return switch (method.getName()) {
            case "equals" -> given != null && proxy == given[0];
            case "hashCode" -> System.identityHashCode(proxy);
            default -> backend.toString();
        };
    }

    private void enter(String call) {
        callers.enter(call);
        var reason = givenUp();
        if (reason.isPresent()) {
            leave();
            throw again(reason.get());
        }
    }

    private synchronized Optional<VolumeException> givenUp() {
        return givenUp;
    }

    /// What the thread waits for in this backend, in words.
    Optional<String> waiting(Thread thread) {
        return callers.waiting(thread);
    }

    /// The same refusal with this call's own stack.
    static VolumeException again(VolumeException reason) {
        return new VolumeException(reason.reason(), reason.getMessage(), reason);
    }

    private void leave() {
        callers.leave();
        closeIfLeft();
    }

    /// Lets nobody in any more.
    void giveUp(VolumeException reason) {
        synchronized (this) {
            givenUp = Optional.of(reason);
        }
        closeIfLeft();
    }

    private void closeIfLeft() {
        if (givenUp().isPresent() && callers.none()) {
            close();
        }
    }

    /// Whether all that the backend had taken is released.
    synchronized boolean closed() {
        return closed;
    }

    /// Closes it now, whoever is in it.
    void close() {
        synchronized (this) {
            if (closing) {
                return;
            }
            closing = true;
        }
        try {
            backend.close();
        } finally {
            synchronized (this) {
                closed = true;
            }
        }
    }
}
