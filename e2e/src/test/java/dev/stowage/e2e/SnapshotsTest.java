package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import java.time.Duration;
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
                story.apply(onNode1("diary.yaml"));
                story.podIsReady("diary");
                story.inPod("diary", "sync");
                var first = story.inPod("diary", "head", "-n", "1", "/data/times");
                story.apply(Examples.read("snapshot.yaml"));
                Polling.until(PATIENCE, () -> isReadyToUse(story, "diary-1"), "the snapshot");

                story.apply(onNode1("restore.yaml"));
                story.apply(onNode1("clone.yaml"));
                story.podIsReady("diary-reader");
                story.podIsReady("diary-clone");
                assertThat(story.inPod("diary-reader", "cat", "/data/times")).startsWith(first);
                assertThat(story.inPod("diary-clone", "cat", "/data/times")).startsWith(first);
                assertThat(mebibytes(story, "diary-reader"))
                        .isGreaterThan(1500)
                        .isGreaterThan(mebibytes(story, "diary") * 3 / 2);

                story.inPod("diary-clone", "sh", "-c", "echo mine > /data/mine && sync");
                assertThat(story.inPod("diary", "ls", "/data")).doesNotContain("mine");
                for (var pod : new String[] {"diary", "diary-reader", "diary-clone"}) {
                    story.deletePod(pod);
                }
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
            story.apply(
                    Examples.read(
                            "snapshot.yaml",
                            "volumeSnapshotClassName: stowage",
                            "volumeSnapshotClassName: stowage-central"));
            Polling.until(PATIENCE, () -> isReadyToUse(story, "diary-1"), "the snapshot");
            diary.isComplete();
        }
    }

    /// Where the snapshot is, so that the scheduler need not be refused first.
    private static String onNode1(String example) throws Exception {
        return Examples.read(
                        example,
                        "  accessModes: [ReadWriteOnce]",
                        "  storageClassName: hdd\n  accessModes: [ReadWriteOnce]")
                .replace(
                        "  terminationGracePeriodSeconds: 1",
                        "  terminationGracePeriodSeconds: 1\n"
                                + "  nodeSelector: {kubernetes.io/hostname: node1}");
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
