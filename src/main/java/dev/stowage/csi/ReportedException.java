package dev.stowage.csi;

/// The failure of an operation that a caller had joined: whoever carried the operation out has
/// logged it, with its stack trace, and it is logged once.
final class ReportedException extends Exception {
    private static final long serialVersionUID = 1L;

    ReportedException(Throwable failure) {
        super(failure.getMessage(), failure);
    }
}
