package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;

/// Waits for a program's end and reads its output meanwhile, on the thread that calls (poll(2)).
final class ChildWait {
    enum Outcome {
        ENDED,
        /// It was killed.
        TIMED_OUT,
        /// What it works on makes it hang, and it was killed.
        HUNG,
        /// This thread was interrupted, and the program killed.
        INTERRUPTED
    }

    // struct pollfd (poll.h): int fd, short events, short revents
    private static final int POLLFD_BYTES = 8;
    private static final int EVENTS = 4;
    private static final int REVENTS = 6;
    private static final short POLLIN = 1;
    private static final int IGNORED = -1;

    private static final int STDOUT = 0;
    private static final int STDERR = 1;
    private static final int END = 2;
    private static final int COUNT = 3;

    /// An interrupt does not end poll(2), so it is looked for this often.
    private static final int SLICE_MILLIS = 200;

    /// Whether it hangs is looked for after this time, and then ever more seldom.
    private static final Duration UNSUSPECTED = Duration.ofSeconds(1);

    private final Child child;
    private final Command.Hang hang;
    private long suspectedNanos = System.nanoTime() + UNSUSPECTED.toNanos();
    private long pauseNanos = UNSUSPECTED.toNanos();
    private final ChildOutput output;
    private final ChildOutput errors;
    private final byte[] memory = new byte[COUNT * POLLFD_BYTES];
    private final ByteBuffer polled = ByteBuffer.wrap(memory).order(ByteOrder.nativeOrder());

    ChildWait(Child child, Command.Hang hang, ChildOutput output, ChildOutput errors) {
        this.child = child;
        this.hang = hang;
        this.output = output;
        this.errors = errors;
        watch(STDOUT, child.stdout().number());
        watch(STDERR, child.stderr().number());
        watch(END, child.handle().number());
    }

    /// When this returns the program has ended by itself, or was killed; it is still to be waited
    /// for.
    Outcome until(Duration limit) throws IOException {
        var outcome = watchUntil(System.nanoTime() + limit.toNanos());
        if (outcome != Outcome.ENDED) {
            child.kill();
        }
        // What it wrote last. Where a child of its own has the pipes too, their end is not awaited.
        while (poll(0) && readReady()) {
            continue;
        }
        return outcome;
    }

    private Outcome watchUntil(long endNanos) throws IOException {
        while (true) {
            if (Thread.currentThread().isInterrupted()) {
                return Outcome.INTERRUPTED;
            }
            var left = Duration.ofNanos(endNanos - System.nanoTime());
            if (left.isNegative()) {
                return Outcome.TIMED_OUT;
            }
            if (hangs()) {
                return Outcome.HUNG;
            }
            if (poll((int) Math.min(SLICE_MILLIS, left.toMillis() + 1))) {
                if (isReady(END)) {
                    return Outcome.ENDED;
                }
                readReady();
            }
        }
    }

    private boolean hangs() throws IOException {
        if (System.nanoTime() - suspectedNanos < 0) {
            return false;
        }
        pauseNanos *= 2;
        suspectedNanos = System.nanoTime() + pauseNanos;
        return child.uninterruptible() && hang.isCertain();
    }

    /// Whether anything is ready.
    private boolean poll(int millis) throws ErrnoException {
        return Syscall.retrying(
                        "poll", "process " + child.pid(), () -> LIBC.poll(memory, COUNT, millis))
                > 0;
    }

    /// Whether there was something to read.
    private boolean readReady() throws ErrnoException {
        var read = false;
        if (isReady(STDOUT)) {
            read = true;
            forgetUnless(output.readFrom(child.stdout()), STDOUT);
        }
        if (isReady(STDERR)) {
            read = true;
            forgetUnless(errors.readFrom(child.stderr()), STDERR);
        }
        return read;
    }

    private void forgetUnless(boolean open, int index) {
        if (!open) {
            watch(index, IGNORED);
        }
    }

    private void watch(int index, int fd) {
        polled.putInt(index * POLLFD_BYTES, fd).putShort(index * POLLFD_BYTES + EVENTS, POLLIN);
    }

    /// Also for a hang-up or an error, which a read then tells of.
    private boolean isReady(int index) {
        return polled.getShort(index * POLLFD_BYTES + REVENTS) != 0;
    }
}
