package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Story 8, first half: the driver is replaced while pods write.
class RolloutTest {

    /// Of mode central the controller too, whose pod keeps its name.
    @ParameterizedTest
    @CsvSource({"stowage, ssd, hdd", "stowage-central, shared, shared"})
    void notOneWriteFailsWhileTheDriverIsReplaced(String release, String first, String second)
            throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            var driver = new Driver(cluster, release);
            story.apply(Manifests.claim("one", first, "400Mi"));
            story.apply(Manifests.claim("two", second, "100Mi"));
            var one = Diary.begin(story, "one", "one", "node1");
            var two = Diary.begin(story, "two", "two", "node2");
            var before = identities(driver);

            driver.restart();

            assertThat(identities(driver))
                    .hasSameSizeAs(before)
                    .doesNotContainAnyElementsOf(before);
            one.isComplete();
            two.isComplete();
        }
    }

    private static Set<String> identities(Driver driver) {
        var identities = new TreeSet<String>();
        driver.allPods().forEach(pod -> identities.add(pod.getMetadata().getUid()));
        return identities;
    }
}
