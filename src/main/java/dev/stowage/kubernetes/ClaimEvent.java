package dev.stowage.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

/// The one Event (core/v1) that a claim has of this kind; its name follows from the claim, so every
/// driver writes the same one. The API server keeps it for an hour after it was written last.
///
/// @param driver who says it
record ClaimEvent(PendingClaim claim, String driver, String message) {
    static final String REASON = "NotEnoughFree";

    /// How often the same words are repeated.
    private static final Duration REPEAT = Duration.ofMinutes(5);

    /// And how often words that changed.
    private static final Duration RENEW = Duration.ofMinutes(1);

    /// Where it is in the API. A PUT there makes it if it is not there (the event registry's
    /// strategy allows create on update).
    String path() {
        return "/api/v1/namespaces/%s/events/%s".formatted(claim.namespace(), name());
    }

    /// What to write now, if anything.
    ///
    /// @param last what is there; its resourceVersion goes along, so that of two who repeat it at
    ///     once one is refused
    Optional<JsonNode> after(Optional<JsonNode> last, Instant now) {
        if (last.isEmpty()) {
            return Optional.of(first(now));
        }
        var told = last.get();
        var wait = told.path("message").asText().equals(message) ? REPEAT : RENEW;
        return Duration.between(time(told), now).compareTo(wait) < 0
                ? Optional.empty()
                : Optional.of(again(told, now));
    }

    private JsonNode first(Instant now) {
        var event = JsonNodeFactory.instance.objectNode();
        event.put("apiVersion", "v1").put("kind", "Event");
        event.putObject("metadata").put("namespace", claim.namespace()).put("name", name());
        event.putObject("involvedObject")
                .put("apiVersion", "v1")
                .put("kind", "PersistentVolumeClaim")
                .put("namespace", claim.namespace())
                .put("name", claim.name())
                .put("uid", claim.uid());
        event.putObject("source").put("component", driver);
        event.put("reportingComponent", driver).put("reportingInstance", "");
        event.put("type", "Warning").put("reason", REASON).put("message", message);
        event.put("firstTimestamp", text(now)).put("lastTimestamp", text(now)).put("count", 1);
        return event;
    }

    private JsonNode again(JsonNode told, Instant now) {
        ObjectNode event = told.deepCopy();
        return event.put("message", message)
                .put("lastTimestamp", text(now))
                .put("count", told.path("count").asInt() + 1);
    }

    private String name() {
        return "not-enough-free." + claim.uid();
    }

    private static String text(Instant time) {
        return time.truncatedTo(ChronoUnit.SECONDS).toString();
    }

    private static Instant time(JsonNode told) {
        try {
            return Instant.parse(told.path("lastTimestamp").asText());
        } catch (DateTimeParseException e) {
            return Instant.EPOCH;
        }
    }
}
