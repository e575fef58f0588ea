package dev.stowage.linux;

import java.io.IOException;

/// A system call that the kernel refused: `openat(/pool/x): No space left on device (ENOSPC)`.
public final class ErrnoException extends IOException {
    private static final long serialVersionUID = 1L;

    private final String call;
    private final String subject;
    private final Errno errno;
    private final int number;

    public ErrnoException(String call, String subject, Errno errno) {
        this(call, subject, errno, errno.number(), "");
    }

    /// `detail` is what the kernel said beside the number (a file system's own words), empty for
    /// nothing.
    ErrnoException(String call, String subject, int number, String detail) {
        this(call, subject, Errno.of(number), number, detail);
    }

    private ErrnoException(String call, String subject, Errno errno, int number, String detail) {
        super(
                call
                        + "("
                        + subject
                        + "): "
                        + words(errno, number)
                        + (detail.isEmpty() ? "" : ": " + detail));
        this.call = call;
        this.subject = subject;
        this.errno = errno;
        this.number = number;
    }

    private static String words(Errno errno, int number) {
        if (errno != Errno.OTHER) {
            return errno.description() + " (" + errno + ")";
        }
        var known = jnr.constants.platform.Errno.valueOf(number);
        return known == jnr.constants.platform.Errno.__UNKNOWN_CONSTANT__
                ? "error " + number
                : known.description() + " (" + known.name() + ")";
    }

    /// The kernel's name of the call, e.g. `move_mount`.
    public String call() {
        return call;
    }

    /// What the call was about, mostly a path.
    public String subject() {
        return subject;
    }

    public Errno errno() {
        return errno;
    }

    /// The kernel's number, also where [#errno()] is [Errno#OTHER].
    public int number() {
        return number;
    }

    /// Whether the error is one of these.
    public boolean is(Errno... candidates) {
        for (var candidate : candidates) {
            if (errno == candidate) {
                return true;
            }
        }
        return false;
    }
}
