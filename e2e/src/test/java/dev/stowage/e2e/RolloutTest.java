package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/// Story 8, first half: the driver is replaced while pods write.
class RolloutTest {

    @Test
    void notOneWriteFailsWhileTheDriverIsReplaced() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            var driver = Driver.local(cluster);
            story.apply(Manifests.claim("one", "ssd", "400Mi"));
            story.apply(Manifests.claim("two", "hdd", "100Mi"));
            var one = Diary.begin(story, "one", "one", "node1");
            var two = Diary.begin(story, "two", "two", "node2");
            var before = names(driver);

            driver.restart();

            assertThat(names(driver)).hasSameSizeAs(before).doesNotContainAnyElementsOf(before);
            one.isComplete();
            two.isComplete();
        }
    }

    private static Set<String> names(Driver driver) {
        var names = new TreeSet<String>();
        driver.pods().forEach(pod -> names.add(pod.getMetadata().getName()));
        return names;
    }
}
