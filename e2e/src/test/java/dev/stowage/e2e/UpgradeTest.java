package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.Quantity;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Story 10: the driver is upgraded, rolled back, taken away and put back, and there are two of it.
class UpgradeTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @ParameterizedTest
    @CsvSource({"stowage, ssd", "stowage-central, shared"})
    void volumesWorkOnThroughAnUpgradeAndARollback(String release, String storageClass)
            throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            var driver = new Driver(cluster, release);
            story.apply(Manifests.claim("data", storageClass, "400Mi"));
            var diary = Diary.begin(story, "data", "data", "");

            driver.helm(
                    "upgrade",
                    Driver.CHART,
                    "--reuse-values",
                    "--set",
                    "node.logLevel=DEBUG",
                    "--wait");
            driver.isRolledOut(); // helm does not wait for the last node
            assertThat(logLevel(driver)).isEqualTo("DEBUG");
            diary.isComplete();

            driver.helm("rollback", "--wait");
            driver.isRolledOut();
            assertThat(logLevel(driver)).isEqualTo("INFO");
            diary.isComplete();

            story.deletePod("data");
            story.apply(Manifests.pod("reader", "data", "", "exec sleep infinity"));
            story.podIsReady("reader");
            assertThat(story.inPod("reader", "head", "-n", "1", "/data/diary")).isEqualTo("1\n");
        }
    }

    /// What a rollback meets: a record that a newer driver wrote. What may be ignored is kept, also
    /// when the record is written again.
    @Test
    void anOlderDriverKeepsWhatANewerOneWroteIntoARecord() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            story.apply(Manifests.claim("data", "ssd", "400Mi"));
            story.apply(
                    Manifests.pod(
                            "first",
                            "data",
                            "node1",
                            "echo old >/data/word; sync; exec sleep infinity"));
            story.podIsReady("first");
            story.deletePod("first");
            var file =
                    "/var/lib/stowage/ssd/volumes/%s/volume.json"
                            .formatted(handle(story.volumeOf("data")));
            var record = (ObjectNode) JSON.readTree(cluster.onNode("node1", "cat", file));
            record.withArray("/compatible").add("flavours");
            record.put("flavour", "vanilla");
            cluster.onNode(
                    "node1", "sh", "-c", "printf %s \"$0\" >\"$1\"", record.toString(), file);
            Driver.local(cluster).restart();

            grow(story, "data", "500Mi");
            story.apply(Manifests.pod("second", "data", "node1", "exec sleep infinity"));
            story.podIsReady("second");

            assertThat(story.inPod("second", "cat", "/data/word")).isEqualTo("old\n");
            Polling.until(
                    Duration.ofMinutes(2),
                    () -> {
                        var now = JSON.readTree(cluster.onNode("node1", "cat", file));
                        return now.at("/capacityBytes").asLong() == 500L << 20
                                && now.at("/compatible/0").asText().equals("flavours")
                                && now.at("/flavour").asText().equals("vanilla");
                    },
                    "the record tells the new size and what only the newer driver knows");
        }
    }

    @ParameterizedTest
    @CsvSource({"stowage, local, ssd", "stowage-central, central, shared"})
    void anUninstalledDriverLosesNothing(String release, String mode, String storageClass)
            throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            var driver = new Driver(cluster, release);
            story.apply(Manifests.claim("data", storageClass, "400Mi"));
            var diary = Diary.begin(story, "data", "data", "");
            var volume = story.volumeOf("data").getMetadata().getName();

            driver.helm("uninstall", "--wait");
            try {
                Polling.until(
                        Duration.ofMinutes(2), () -> driver.allPods().isEmpty(), "no pod is left");
                diary.isComplete();
            } finally {
                cluster.command("install", mode);
            }
            diary.isComplete();
            story.deletePod("data");
            story.apply(Manifests.pod("reader", "data", "", "exec sleep infinity"));
            story.podIsReady("reader");

            assertThat(story.inPod("reader", "head", "-n", "1", "/data/diary")).isEqualTo("1\n");
            story.deletePod("reader");
            story.deleteClaim("data");
            story.volumeBecomes(volume, now -> now == null);
        }
    }

    @Test
    void onePodUsesVolumesOfBothModes() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            story.apply(Manifests.claim("mine", "ssd", "400Mi"));
            story.apply(Manifests.claim("ours", "shared", "100Mi"));
            story.apply(
                    """
                    apiVersion: v1
                    kind: Pod
                    metadata: {name: both}
                    spec:
                      terminationGracePeriodSeconds: 1
                      containers:
                        - name: shell
                          image: busybox:1.37
                          command: [sh, -c, 'echo here | tee /mine/word >/ours/word && exec sleep infinity']
                          volumeMounts: [{name: mine, mountPath: /mine}, {name: ours, mountPath: /ours}]
                      volumes:
                        - {name: mine, persistentVolumeClaim: {claimName: mine}}
                        - {name: ours, persistentVolumeClaim: {claimName: ours}}
                    """);
            story.podIsReady("both");

            assertThat(story.inPod("both", "cat", "/mine/word", "/ours/word"))
                    .isEqualTo("here\nhere\n");
            assertThat(List.of(driver(story.volumeOf("mine")), driver(story.volumeOf("ours"))))
                    .containsExactly("csi.stowage.dev", "central.csi.stowage.dev");
        }
    }

    private static void grow(Story story, String claim, String size) {
        story.client()
                .persistentVolumeClaims()
                .inNamespace(story.namespace())
                .withName(claim)
                .edit(
                        now -> {
                            now.getSpec()
                                    .getResources()
                                    .getRequests()
                                    .put("storage", new Quantity(size));
                            return now;
                        });
    }

    private static String logLevel(Driver driver) {
        return driver.podOn("node1").getSpec().getContainers().stream()
                .filter(container -> container.getName().equals("driver"))
                .flatMap(container -> container.getEnv().stream())
                .filter(variable -> variable.getName().equals("STOWAGE_LOG_LEVEL"))
                .findFirst()
                .orElseThrow()
                .getValue();
    }

    private static String handle(PersistentVolume volume) {
        return volume.getSpec().getCsi().getVolumeHandle();
    }

    private static String driver(PersistentVolume volume) {
        return volume.getSpec().getCsi().getDriver();
    }
}
