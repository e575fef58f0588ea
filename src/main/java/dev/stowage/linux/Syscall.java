package dev.stowage.linux;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jnr.ffi.Runtime;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;

/// One system call: made, made again after EINTR, and its errno turned into an exception.
final class Syscall {
    static final POSIX POSIX = POSIXFactory.getNativePOSIX();

    private static final Runtime RUNTIME = Runtime.getRuntime(LibC.LIBC);

    /// The answer of a call that failed as was to be expected.
    static final long FAILED = -1;

    /// The path of a call that is about a descriptor (AT_EMPTY_PATH).
    static final byte[] EMPTY_PATH = {0};

    private Syscall() {}

    /// A call that answers a negative number when it failed and has left its errno then.
    interface Call {
        long make();
    }

    /// Makes the call until no signal interrupts it. For calls that do nothing when they answer
    /// EINTR, or the same thing again.
    static long retrying(String name, Object subject, Call call) throws ErrnoException {
        return expecting(name, subject, call);
    }

    /// As [#retrying], but a failure with one of these errors is an answer too: [#FAILED]. For what
    /// fails all the time, such as a look at what may not be there: an exception with its stack
    /// takes longer than the call.
    static long expecting(String name, Object subject, Call call, Errno... failures)
            throws ErrnoException {
        while (true) {
            var result = call.make();
            if (result >= 0) {
                return result;
            }
            var errno = errno();
            if (isOneOf(errno, failures)) {
                return FAILED;
            }
            if (errno != Errno.EINTR.number()) {
                throw new ErrnoException(name, subject.toString(), errno, "");
            }
        }
    }

    private static boolean isOneOf(int errno, Errno... candidates) {
        for (var candidate : candidates) {
            if (candidate.number() == errno) {
                return true;
            }
        }
        return false;
    }

    /// Turns the result of a call that must not be made twice into an exception where it failed.
    static long once(String name, Object subject, long result) throws ErrnoException {
        if (result < 0) {
            throw new ErrnoException(name, subject.toString(), errno(), "");
        }
        return result;
    }

    /// The errno of the last call on this thread, as jffi saved it right after the call.
    static int errno() {
        return RUNTIME.getLastError();
    }

    /// The bytes as C has them. A NUL inside would silently cut the string, so it is refused.
    static byte[] cString(Object text) {
        var bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        for (var each : bytes) {
            if (each == 0) {
                throw new IllegalArgumentException(
                        "A string for the kernel contains a NUL character.");
            }
        }
        return Arrays.copyOf(bytes, bytes.length + 1);
    }
}
