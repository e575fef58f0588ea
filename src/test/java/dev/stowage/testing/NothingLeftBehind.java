package dev.stowage.testing;

import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.Mounts;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/// Fails a test class that leaves a mount, a loop device, an open descriptor or a thread behind, by
/// its name, and cleans up what can be. Ours is what is below [TestFolder#root()]: other tests of
/// this machine run at the same time.
public final class NothingLeftBehind implements BeforeAllCallback, AfterAllCallback {
    private static final ExtensionContext.Namespace NAMESPACE =
            ExtensionContext.Namespace.create(NothingLeftBehind.class);

    /// Threads and descriptors of a server that was told to end need a moment.
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    @Override
    public void beforeAll(ExtensionContext context) throws IOException {
        context.getStore(NAMESPACE).put(context.getUniqueId(), Leftovers.below(TestFolder.root()));
    }

    @Override
    public void afterAll(ExtensionContext context) throws IOException {
        var before = context.getStore(NAMESPACE).remove(context.getUniqueId(), Leftovers.class);
        var names = check(before, PATIENCE);
        if (!names.isEmpty()) {
            throw new AssertionError(
                    context.getDisplayName() + " left behind: " + String.join(", ", names));
        }
    }

    /// The names of what is new since `before` and does not go away by itself; cleaned up as far as
    /// it can be.
    static List<String> check(Leftovers before, Duration patience) throws IOException {
        var left = Leftovers.below(TestFolder.root()).since(before);
        var end = System.nanoTime() + patience.toNanos();
        while (!left.isEmpty() && System.nanoTime() - end < 0) {
            Polling.pause();
            left = Leftovers.below(TestFolder.root()).since(before);
        }
        var names = new ArrayList<>(left.names());
        for (var mount : left.mounts()) {
            attempt(names, "unmount " + mount, () -> Mounts.unmount(mount));
        }
        for (var loop : left.loops()) {
            attempt(
                    names,
                    "detach " + loop,
                    () -> {
                        var bound = LoopDevices.at(loop);
                        if (bound.isPresent()) {
                            LoopDevices.detach(bound.get());
                        }
                    });
        }
        return names;
    }

    private interface Step {
        void take() throws IOException;
    }

    private static void attempt(List<String> names, String what, Step step) {
        try {
            step.take();
        } catch (IOException e) {
            names.add("(could not " + what + ": " + e.getMessage() + ")");
        }
    }
}
