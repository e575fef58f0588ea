package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
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

    private static final String WRITE = "echo remembered >%s && sync";
    private static final List<String> OFFLINE = List.of("offline", "raw-offline", "ext4", "shared");

    /// What each claim grows to.
    private static final Map<String, String> SIZES =
            Map.of(
                    "xfs", "800Mi",
                    "raw", "300Mi",
                    "offline", "800Mi",
                    "raw-offline", "300Mi",
                    "ext4", "300Mi",
                    "shared", "300Mi");

    /// xfs and raw block of a local pool while they are used; ext4 of a shared one, which not every
    /// machine can grow while it is mounted, and others of local pools when no node has them.
    @Test
    void claimsGrowOnlineAndOffline() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            for (var claim : SIZES.keySet()) {
                story.apply(claim(claim));
                story.apply(pod(claim));
            }
            for (var claim : SIZES.keySet()) {
                story.podIsReady(claim);
            }
            for (var claim : OFFLINE) {
                story.inPod(claim, "sh", "-c", WRITE.formatted(place(claim)));
                story.deletePod(claim);
            }
            for (var claim : OFFLINE) {
                isOnNoNode(cluster, story.volumeOf(claim));
            }

            SIZES.forEach((claim, size) -> grow(story, claim, size));
            for (var claim : OFFLINE) {
                waitsForItsPod(story, claim);
                isOnNoNode(cluster, story.volumeOf(claim));
                story.apply(pod(claim));
            }

            hasGrown(story, "xfs", () -> fileSystemBytes(story, "xfs") > 700 * MIB);
            hasGrown(story, "raw", () -> deviceBytes(story, "raw") == 300 * MIB);
            for (var claim : OFFLINE) {
                story.podIsReady(claim);
                assertThat(story.inPod(claim, "head", "-n", "1", place(claim)))
                        .isEqualTo("remembered\n");
            }
            hasGrown(story, "offline", () -> fileSystemBytes(story, "offline") > 700 * MIB);
            hasGrown(story, "raw-offline", () -> deviceBytes(story, "raw-offline") == 300 * MIB);
            // with the first start, also where the machine grows no mounted ext4
            hasGrown(story, "ext4", () -> fileSystemBytes(story, "ext4") > 250 * MIB);
            hasGrown(story, "shared", () -> fileSystemBytes(story, "shared") > 250 * MIB);
        }
    }

    private static boolean isRaw(String claim) {
        return claim.startsWith("raw");
    }

    private static String place(String claim) {
        return isRaw(claim) ? "/dev/data" : "/data/word";
    }

    private static String claim(String claim) {
        return switch (claim) {
            case "raw", "raw-offline" ->
                    Manifests.claim(claim, "ssd", "100Mi")
                            .replace("accessModes:", "volumeMode: Block\n  accessModes:");
            case "shared" -> Manifests.claim(claim, "shared", "100Mi");
            case "ext4" -> Manifests.claim(claim, "hdd", "100Mi");
            default -> Manifests.claim(claim, "ssd", "400Mi");
        };
    }

    private static String pod(String claim) {
        var pod = Manifests.pod(claim, claim, "", SLEEP);
        return isRaw(claim)
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

    /// The volume itself is larger, or nothing of it can be done yet, and Kubernetes says that only
    /// a pod is missing.
    private static void waitsForItsPod(Story story, String claim) throws Exception {
        Polling.until(
                PATIENCE,
                () ->
                        current(story, claim).getStatus().getConditions().stream()
                                .anyMatch(
                                        condition ->
                                                condition
                                                                .getType()
                                                                .equals("FileSystemResizePending")
                                                        && condition.getStatus().equals("True")),
                "claim %s waits for its pod to grow".formatted(claim));
        assertThat(current(story, claim).getStatus().getCapacity().get("storage"))
                .as(claim)
                .isNotEqualTo(new Quantity(SIZES.get(claim)));
    }

    /// Nowhere in a node's kernel, so that what grows then grows offline.
    private static void isOnNoNode(Cluster cluster, PersistentVolume volume) throws Exception {
        var staged = Remains.stagingPath(volume);
        var name = volume.getMetadata().getName();
        for (var node : List.of("node1", "node2")) {
            Polling.until(
                    PATIENCE,
                    () -> {
                        var mounts = cluster.onNode(node, "cat", "/proc/self/mountinfo");
                        return !mounts.contains(staged) && !mounts.contains(name);
                    },
                    "%s has no mount of %s".formatted(node, name));
        }
    }

    private static PersistentVolumeClaim current(Story story, String claim) {
        return story.client()
                .persistentVolumeClaims()
                .inNamespace(story.namespace())
                .withName(claim)
                .require();
    }

    /// In the pod, and as Kubernetes tells it.
    private static void hasGrown(Story story, String claim, Question inPod) throws Exception {
        var size = SIZES.get(claim);
        Polling.until(PATIENCE, inPod::ask, claim + " is larger in its pod");
        Polling.until(
                PATIENCE,
                () ->
                        new Quantity(size)
                                .equals(
                                        current(story, claim)
                                                .getStatus()
                                                .getCapacity()
                                                .get("storage")),
                "claim %s has %s".formatted(claim, size));
    }

    private static long fileSystemBytes(Story story, String pod) throws Exception {
        var line = story.inPod(pod, "df", "-k", "/data").lines().toList().getLast();
        return Long.parseLong(line.trim().split(" +")[1]) << 10;
    }

    private static long deviceBytes(Story story, String pod) throws Exception {
        return Long.parseLong(story.inPod(pod, "blockdev", "--getsize64", "/dev/data").strip());
    }
}
