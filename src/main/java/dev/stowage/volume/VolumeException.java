package dev.stowage.volume;

import java.util.Objects;

/// A request that was refused, with a message for the person who reads it: what was asked, why not,
/// what to do. What the machine did wrong (an I/O error, a failed program) is an
/// [java.io.IOException] instead.
public final class VolumeException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Reason reason;

    public VolumeException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    public VolumeException(Reason reason, String message, Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    public Reason reason() {
        return reason;
    }
}
