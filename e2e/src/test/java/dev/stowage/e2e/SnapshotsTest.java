package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// A volume's snapshot, a larger volume from it, and a clone, all while a pod writes: from
/// examples/diary.yaml, snapshot.yaml, restore.yaml and clone.yaml.
class SnapshotsTest {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    /// Its disk shares blocks, so a volume in use can be copied.
    private static final String POOL = "/mnt/hdd/stowage";

    @Test
    void aSnapshotAndACloneHoldWhatWasWrittenAndLiveOnTheirOwn() throws Exception {
        try (var cluster = Cluster.open()) {
            var before = cluster.onNode("node1", "ls", POOL + "/volumes", POOL + "/snapshots");
            try (var story = Story.begin(cluster)) {
                story.apply(
                        Examples.read("diary.yaml", "pool: ssd", "pool: hdd")
                                .replace(
                                        "  accessModes: [ReadWriteOnce]",
                                        "  storageClassName: hdd\n  accessModes: [ReadWriteOnce]")
                                .replace(
                                        "  terminationGracePeriodSeconds: 1",
                                        "  terminationGracePeriodSeconds: 1\n"
                                                + "  nodeSelector: {kubernetes.io/hostname: node1}"));
                story.podIsReady("diary");
                Polling.until(PATIENCE, () -> times(story, "diary").lines().count() > 3, "lines");
                var synced = times(story, "diary");
                story.inPod("diary", "sync");
                story.apply(Examples.read("snapshot.yaml"));
                Polling.until(PATIENCE, () -> isReadyToUse(story, "diary-1"), "the snapshot");

                story.apply(Examples.read("restore.yaml"));
                story.apply(Examples.read("clone.yaml"));
                for (var pod : List.of("diary-reader", "diary-clone")) {
                    assertThat(story.podIsReady(pod).getSpec().getNodeName()).isEqualTo("node1");
                    assertThat(times(story, pod)).startsWith(synced);
                }
                assertThat(mebibytes(story, "diary-reader"))
                        .isGreaterThan(1500)
                        .isGreaterThan(mebibytes(story, "diary") * 3 / 2);

                story.inPod("diary-clone", "sh", "-c", "echo mine > /data/mine && sync");
                assertThat(story.inPod("diary", "ls", "/data")).doesNotContain("mine");
                for (var pod : new String[] {"diary", "diary-reader", "diary-clone"}) {
                    story.deletePod(pod);
                }
            } finally {
                cluster.command(
                        "kubectl", "delete", "--ignore-not-found", "storageclass/ssd-at-once");
            }
            Polling.until(
                    PATIENCE,
                    () ->
                            cluster.onNode("node1", "ls", POOL + "/volumes", POOL + "/snapshots")
                                    .equals(before),
                    "the end of all that the story made");
        }
    }

    /// The controller may not open devices, also those of its own node, where the pod is here.
    @Test
    void aSnapshotIsTakenByTheCentralControllerWhileAPodWrites() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            var controller = Driver.central(cluster).controllerNode();
            story.apply(Manifests.claim("diary", "shared", "100Mi"));
            var diary = Diary.begin(story, "diary", "diary", controller);
            Polling.until(PATIENCE, () -> diary.written() > 10, "the pod writes");
            var written = (int) diary.written();
            story.apply(
                    Examples.read(
                            "snapshot.yaml",
                            "volumeSnapshotClassName: stowage",
                            "volumeSnapshotClassName: stowage-central"));
            Polling.until(PATIENCE, () -> isReadyToUse(story, "diary-1"), "the snapshot");
            diary.isComplete();

            story.apply(
                    Examples.read(
                            "restore.yaml",
                            "storageClassName: ssd-at-once",
                            "storageClassName: shared"));
            story.podIsReady("diary-reader");
            var restored = story.inPod("diary-reader", "cat", "/data/diary").lines().toList();
            assertThat(restored)
                    .hasSizeGreaterThanOrEqualTo(written)
                    .isEqualTo(
                            IntStream.rangeClosed(1, restored.size())
                                    .mapToObj(Integer::toString)
                                    .toList());
        }
    }

    private static String times(Story story, String pod) throws Exception {
        return story.inPod(pod, "cat", "/data/times");
    }

    private static boolean isReadyToUse(Story story, String name) {
        GenericKubernetesResource snapshot =
                story.client()
                        .genericKubernetesResources("snapshot.storage.k8s.io/v1", "VolumeSnapshot")
                        .inNamespace(story.namespace())
                        .withName(name)
                        .require();
        return Boolean.TRUE.equals(snapshot.get("status", "readyToUse"));
    }

    private static long mebibytes(Story story, String pod) throws Exception {
        var words = story.inPod(pod, "df", "-m", "/data").lines().skip(1).findFirst().orElseThrow();
        return Long.parseLong(words.trim().split("\\s+")[1]);
    }
}
