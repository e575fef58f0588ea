package dev.stowage.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// While this is open, Ctrl-C interrupts the thread that opened it, and the JVM ends only when it
/// has cleaned up and closed this.
public final class Interruption implements AutoCloseable {
    private static final long CLEANING_SECONDS = 30;

    private final CountDownLatch cleaned = new CountDownLatch(1);
    private final Thread hook;

    public Interruption() {
        var working = Thread.currentThread();
        hook = new Thread(() -> interrupt(working), "interruption");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void interrupt(Thread working) {
        working.interrupt();
        try {
            var _ = cleaned.await(CLEANING_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        cleaned.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            return; // the hook runs: the JVM is ending
        }
    }
}
