package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A pool whose folder one node lacks: that node says so, and works otherwise.
class MissingPoolTest {
    private static final String VALUES =
            """
            driver: partial.csi.stowage.dev
            pools:
              extra: {path: /mnt/extra/stowage, hostFolder: /mnt}
              plain: {path: /mnt/plain/stowage, hostFolder: /mnt}
            capacityPollInterval: 10s
            """;

    @Test
    void aPoolThatOneNodeLacksIsToldOfThereAndUsedElsewhere(@TempDir Path folder) throws Exception {
        var values = Files.writeString(folder.resolve("values.yaml"), VALUES).toString();
        try (var cluster = Cluster.open()) {
            var driver = new Driver(cluster, "partial");
            cluster.onNode("node1", "mkdir", "-p", "/mnt/extra", "/mnt/plain");
            cluster.onNode("node2", "mkdir", "-p", "/mnt/plain");
            try {
                driver.helm(
                        "install", Driver.CHART, "--values", values, "--wait", "--timeout", "3m");
                readyzTellsOfIt(cluster, driver);
                podsGoWhereThePoolsAre(cluster);
            } finally {
                driver.helm("uninstall", "--wait");
                cluster.onNode("node1", "rm", "-rf", "/mnt/extra", "/mnt/plain");
                cluster.onNode("node2", "rm", "-rf", "/mnt/plain");
            }
        }
    }

    private static void readyzTellsOfIt(Cluster cluster, Driver driver) throws Exception {
        var lacking = driver.podOn("node2").getMetadata().getName();
        var having = driver.podOn("node1").getMetadata().getName();

        assertThat(readyz(cluster, lacking))
                .startsWith("ready\n")
                .containsPattern("extra unavailable: .*/mnt/extra")
                .contains("plain ok");
        assertThat(readyz(cluster, having)).contains("extra ok", "plain ok");
        assertThat(
                        cluster.command(
                                "kubectl", "-n", Driver.NAMESPACE, "logs", lacking, "-c", "driver"))
                .containsPattern("ERROR .*lacks the pool extra: .*/mnt/extra");
    }

    private static void podsGoWhereThePoolsAre(Cluster cluster) throws Exception {
        try (var story = Story.begin(cluster)) {
            story.apply(Manifests.claim("extra", "extra", "100Mi"));
            story.apply(Manifests.claim("plain", "plain", "100Mi"));
            story.apply(Manifests.pod("extra", "extra", "", "exec sleep infinity"));
            story.apply(Manifests.pod("plain", "plain", "node2", "exec sleep infinity"));

            assertThat(story.podIsReady("extra").getSpec().getNodeName()).isEqualTo("node1");
            story.podIsReady("plain");

            for (var name : new String[] {"extra", "plain"}) {
                var volume = story.volumeOf(name).getMetadata().getName();
                story.deletePod(name);
                story.deleteClaim(name);
                story.volumeBecomes(volume, now -> now == null);
            }
        }
    }

    private static String readyz(Cluster cluster, String pod) throws Exception {
        var page =
                "/api/v1/namespaces/%s/pods/%s:9808/proxy/readyz".formatted(Driver.NAMESPACE, pod);
        var answer = new String[1];
        Polling.until(
                Duration.ofMinutes(1),
                () -> {
                    answer[0] = cluster.command("kubectl", "get", "--raw", page);
                    return true;
                },
                "the page answers");
        return answer[0];
    }
}
