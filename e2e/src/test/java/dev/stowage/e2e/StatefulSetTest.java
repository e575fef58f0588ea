package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// Story 4: examples/mysql-statefulset.yaml, scaled down and up.
class StatefulSetTest {
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    @Test
    void eachReplicaFindsItsOwnRowsAgain() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            story.apply(Examples.read("mysql-statefulset.yaml", "8Gi", "1Gi"));
            areReady(story, 3);
            for (var i = 0; i < 3; i++) {
                MySql.in(story, "mysql-" + i).write("I am mysql-" + i);
            }
            var nodes =
                    cluster
                            .client()
                            .pods()
                            .inNamespace(story.namespace())
                            .list()
                            .getItems()
                            .stream()
                            .map(pod -> pod.getSpec().getNodeName())
                            .collect(Collectors.toSet());
            assertThat(nodes).containsExactlyInAnyOrder("node1", "node2");

            scale(story, 1);
            for (var gone : new String[] {"mysql-1", "mysql-2"}) {
                cluster.client()
                        .pods()
                        .inNamespace(story.namespace())
                        .withName(gone)
                        .waitUntilCondition(
                                Objects::isNull, PATIENCE.toSeconds(), TimeUnit.SECONDS);
            }
            scale(story, 3);
            areReady(story, 3);

            for (var i = 0; i < 3; i++) {
                assertThat(MySql.in(story, "mysql-" + i).rows()).containsExactly("I am mysql-" + i);
            }
        }
    }

    private static void scale(Story story, int replicas) {
        story.client()
                .apps()
                .statefulSets()
                .inNamespace(story.namespace())
                .withName("mysql")
                .scale(replicas);
    }

    private static void areReady(Story story, int replicas) {
        story.client()
                .apps()
                .statefulSets()
                .inNamespace(story.namespace())
                .withName("mysql")
                .waitUntilCondition(
                        now ->
                                now != null
                                        && now.getStatus() != null
                                        && Objects.equals(
                                                now.getStatus().getReadyReplicas(), replicas),
                        PATIENCE.toSeconds(),
                        TimeUnit.SECONDS);
    }
}
