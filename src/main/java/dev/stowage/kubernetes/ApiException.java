package dev.stowage.kubernetes;

import java.io.IOException;

/// What the API server refused, in its own words.
final class ApiException extends IOException {
    private static final long serialVersionUID = 1L;

    static final int UNAUTHORIZED = 401;
    static final int FORBIDDEN = 403;
    static final int NOT_FOUND = 404;
    static final int CONFLICT = 409;

    private final int status;
    private final String words;

    /// @param request such as `GET /api/v1/persistentvolumeclaims`
    /// @param status the HTTP status
    /// @param words the message of the server's Status object
    ApiException(String request, int status, String words) {
        super(
                "the API server answers %d to %s: %s%s"
                        .formatted(status, request, words, remedy(status)));
        this.status = status;
        this.words = words;
    }

    int status() {
        return status;
    }

    /// A namespace that is being deleted takes no new objects, whatever rights one has (the cause
    /// NamespaceTerminating).
    boolean isForTheEndOfTheNamespace() {
        return status == FORBIDDEN && words.contains("being terminated");
    }

    /// The same for refusals that differ only in the names of objects, which stand in quotes.
    String kind() {
        return status + " " + words.replaceAll("\"[^\"]*\"", "");
    }

    private static String remedy(int status) {
        return switch (status) {
            case UNAUTHORIZED, FORBIDDEN ->
                    "; give this pod's service account the rights that the chart gives it, or start without --claim-events";
            default -> "";
        };
    }
}
