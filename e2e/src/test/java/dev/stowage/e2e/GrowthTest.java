package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Quantity;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Story 7, first part: claims grow, with their pods and without.
class GrowthTest {
    private static final Duration PATIENCE = Duration.ofMinutes(4);
    private static final long MIB = 1 << 20;
    private static final String SLEEP = "exec sleep infinity";

    /// xfs and raw block of a local pool while they are used; ext4 of a shared one, which not every
    /// machine can grow while it is mounted, and another xfs when they are not.
    @Test
    void claimsGrowOnlineAndOffline() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            story.apply(Manifests.claim("xfs", "ssd", "400Mi"));
            story.apply(
                    Manifests.claim("raw", "ssd", "100Mi")
                            .replace("accessModes:", "volumeMode: Block\n  accessModes:"));
            story.apply(Manifests.claim("offline", "ssd", "400Mi"));
            story.apply(Manifests.claim("shared", "shared", "100Mi"));
            for (var claim : List.of("xfs", "raw", "offline", "shared")) {
                story.apply(pod(claim));
            }
            for (var claim : List.of("xfs", "raw", "offline", "shared")) {
                story.podIsReady(claim);
            }
            story.inPod("offline", "sh", "-c", "echo remembered > /data/word && sync");
            story.inPod("shared", "sh", "-c", "echo remembered > /data/word && sync");
            story.deletePod("offline");
            story.deletePod("shared");

            grow(story, "xfs", "800Mi");
            grow(story, "raw", "300Mi");
            grow(story, "offline", "800Mi");
            grow(story, "shared", "300Mi");
            story.apply(pod("offline"));
            story.apply(pod("shared"));

            hasGrown(story, "xfs", "800Mi", () -> fileSystemBytes(story, "xfs") > 700 * MIB);
            hasGrown(story, "raw", "300Mi", () -> deviceBytes(story) == 300 * MIB);
            for (var claim : List.of("offline", "shared")) {
                story.podIsReady(claim);
                assertThat(story.inPod(claim, "cat", "/data/word")).isEqualTo("remembered\n");
            }
            hasGrown(story, "offline", "800Mi", () -> fileSystemBytes(story, "offline") > 700 * MIB);
            hasGrown(story, "shared", "300Mi", () -> fileSystemBytes(story, "shared") > 250 * MIB);
        }
    }

    private static String pod(String claim) {
        var pod = Manifests.pod(claim, claim, "", SLEEP);
        return claim.equals("raw")
                ? pod.replace(
                        "volumeMounts: [{name: data, mountPath: /data}]",
                        "volumeDevices: [{name: data, devicePath: /dev/data}]")
                : pod;
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
                                    .setRequests(Map.of("storage", new Quantity(size)));
                            return now;
                        });
    }

    private interface Question {
        boolean ask() throws Exception;
    }

    /// In the pod, and as Kubernetes tells it.
    private static void hasGrown(Story story, String claim, String size, Question inPod)
            throws Exception {
        Polling.until(PATIENCE, inPod::ask, claim + " is larger in its pod");
        Polling.until(
                PATIENCE,
                () ->
                        new Quantity(size)
                                .equals(
                                        story.client()
                                                .persistentVolumeClaims()
                                                .inNamespace(story.namespace())
                                                .withName(claim)
                                                .require()
                                                .getStatus()
                                                .getCapacity()
                                                .get("storage")),
                "claim %s has %s".formatted(claim, size));
    }

    private static long fileSystemBytes(Story story, String pod) throws Exception {
        var line = story.inPod(pod, "df", "-k", "/data").lines().toList().getLast();
        return Long.parseLong(line.trim().split(" +")[1]) << 10;
    }

    private static long deviceBytes(Story story) throws Exception {
        return Long.parseLong(
                story.inPod("raw", "blockdev", "--getsize64", "/dev/data").strip());
    }
}
