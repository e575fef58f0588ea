package dev.stowage.e2e;

import io.fabric8.kubernetes.api.model.Event;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// What Kubernetes tells people about an object: `kubectl describe`.
final class Events {
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    private Events() {}

    /// Waits until one event of the object of that name has all these words.
    static void tell(Story story, String object, String... words) throws Exception {
        tell(
                story,
                object,
                text -> List.of(words).stream().allMatch(text::contains),
                List.of(words));
    }

    /// Waits until one event of the object of that name has something that matches.
    static void tell(Story story, String object, Pattern wanted) throws Exception {
        tell(story, object, wanted.asPredicate(), wanted);
    }

    private static void tell(Story story, String object, Predicate<String> wanted, Object name)
            throws Exception {
        var told = new ArrayList<String>();
        try {
            Polling.until(
                    PATIENCE,
                    () -> {
                        told.clear();
                        told.addAll(about(story, object));
                        return told.stream().anyMatch(wanted);
                    },
                    "an event of %s with %s".formatted(object, name));
        } catch (AssertionError e) {
            throw new AssertionError("told was: " + told, e);
        }
    }

    private static List<String> about(Story story, String object) {
        return story
                .client()
                .v1()
                .events()
                .inNamespace(story.namespace())
                .list()
                .getItems()
                .stream()
                .filter(event -> object.equals(event.getInvolvedObject().getName()))
                .map(Event::getMessage)
                .toList();
    }
}
