package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/// A claim that is switched to another VolumeAttributesClass while its pod writes, from
/// examples/limits.yaml. Seen is what the node goes by, the volume's record: whether the kernel
/// holds a pod to it depends on cgroup v2, which is tried elsewhere (GuestLimitsTest).
class AttributesTest {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    @Test
    void aClaimSwitchedToAnotherAttributesClassGetsItsLimits() throws Exception {
        try (var cluster = Cluster.open()) {
            try (var story = Story.begin(cluster)) {
                story.apply(Examples.read("limits.yaml", "storage: 4Gi", "storage: 1Gi"));
                story.podIsReady("writer");
                story.inPod("writer", "sh", "-c", "echo remembered >/data/word && sync");
                var id = story.volumeOf("limited").getSpec().getCsi().getVolumeHandle();
                assertThat(record(cluster, id))
                        .contains("\"writeBytesPerSecond\":4194304", "\"iopsPerGiB\":100");

                story.client()
                        .persistentVolumeClaims()
                        .inNamespace(story.namespace())
                        .withName("limited")
                        .edit(
                                claim -> {
                                    claim.getSpec().setVolumeAttributesClassName("stowage-swift");
                                    return claim;
                                });
                Polling.until(
                        PATIENCE,
                        () -> record(cluster, id).contains("\"writeBytesPerSecond\":41943040"),
                        "the other class's limits in the volume's record");
                assertThat(record(cluster, id)).doesNotContain("4194304,");
                Polling.until(
                        PATIENCE,
                        () -> "stowage-swift".equals(currentClass(story)),
                        "the claim's word that it has the other class");
                assertThat(story.inPod("writer", "cat", "/data/word")).isEqualTo("remembered\n");
                story.deletePod("writer");
            } finally {
                cluster.command(
                        "kubectl",
                        "delete",
                        "--wait=false",
                        "storageclass/stowage-by-size",
                        "volumeattributesclass/stowage-slow",
                        "volumeattributesclass/stowage-swift");
            }
        }
    }

    private static String record(Cluster cluster, String id) throws Exception {
        return cluster.onNode("node1", "cat", "/mnt/shared/stowage/volumes/" + id + "/volume.json")
                .replaceAll("\\s", "");
    }

    private static String currentClass(Story story) {
        return story.client()
                .persistentVolumeClaims()
                .inNamespace(story.namespace())
                .withName("limited")
                .require()
                .getStatus()
                .getCurrentVolumeAttributesClassName();
    }
}
