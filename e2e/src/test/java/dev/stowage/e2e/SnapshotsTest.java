package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// A volume's snapshot, a larger volume from it, and a clone, all while a pod writes: from
/// examples/diary.yaml, snapshot.yaml, snapshot-static.yaml, restore.yaml and clone.yaml.
class SnapshotsTest {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    /// Its disk shares blocks, so a volume in use can be copied.
    private static final String POOL = "/mnt/hdd/stowage";

    /// The id in the example.
    private static final String NO_SNAPSHOT = "ssd.00000000.s00000000000000000000000000000000";

    @Test
    void aSnapshotAndACloneHoldWhatWasWrittenAndLiveOnTheirOwn() throws Exception {
        try (var cluster = Cluster.open()) {
            var before = inPool(cluster);
            try (var story = Story.begin(cluster)) {
                var synced = snapshotOnNode1(story);

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
                    PATIENCE, () -> inPool(cluster).equals(before), "the end of all that was made");
        }
    }

    /// Failure case 79. Its objects are deleted with the policy Retain, and made again by hand.
    @Test
    void aSnapshotThatWasThereBeforeIsServedByTheNodeThatItsLabelNames() throws Exception {
        try (var cluster = Cluster.open()) {
            var before = inPool(cluster);
            try (var story = Story.begin(cluster)) {
                var synced = snapshotOnNode1(story);
                var handle = forget(cluster, story);
                assertThat(inPool(cluster)).contains(handle);

                var example =
                        Examples.read("snapshot-static.yaml", NO_SNAPSHOT, handle)
                                .replace("managed-by: node-1", "managed-by: node1")
                                .replace("deletionPolicy: Retain", "deletionPolicy: Delete")
                                .replace("namespace: default", "namespace: " + story.namespace());
                var objects = story.read(example);
                cluster.client().resource(objects.getFirst()).serverSideApply();
                story.apply(objects.getLast());
                Polling.until(PATIENCE, () -> isReadyToUse(story, "diary-before"), "ready");
                story.apply(Examples.read("restore.yaml", "name: diary-1", "name: diary-before"));
                assertThat(story.podIsReady("diary-reader").getSpec().getNodeName())
                        .isEqualTo("node1");
                assertThat(times(story, "diary-reader")).startsWith(synced);
                story.deletePod("diary");
                story.deletePod("diary-reader");
            } finally {
                cluster.command(
                        "kubectl", "delete", "--ignore-not-found", "storageclass/ssd-at-once");
            }
            Polling.until(
                    PATIENCE, () -> inPool(cluster).equals(before), "the end of all that was made");
        }
    }

    /// Deletes the objects of the snapshot and leaves the snapshot itself; its id.
    private static String forget(Cluster cluster, Story story) throws Exception {
        String content = snapshot(story, "diary-1").get("status", "boundVolumeSnapshotContentName");
        var name = "volumesnapshotcontent/" + content;
        var handle =
                cluster.command("kubectl", "get", name, "-o=jsonpath={.status.snapshotHandle}");
        cluster.command(
                "kubectl",
                "patch",
                name,
                "--type=merge",
                "--patch={\"spec\": {\"deletionPolicy\": \"Retain\"}}");
        var namespace = "--namespace=" + story.namespace();
        cluster.command("kubectl", "delete", namespace, "volumesnapshot/diary-1");
        cluster.command("kubectl", "delete", name);
        return handle.strip();
    }

    /// What a pod on node1 had synced when a snapshot of its volume was asked for, which is ready.
    private static String snapshotOnNode1(Story story) throws Exception {
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
        return synced;
    }

    private static String inPool(Cluster cluster) throws Exception {
        return cluster.onNode("node1", "ls", POOL + "/volumes", POOL + "/snapshots");
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
        return Boolean.TRUE.equals(snapshot(story, name).get("status", "readyToUse"));
    }

    private static GenericKubernetesResource snapshot(Story story, String name) {
        return story.client()
                .genericKubernetesResources("snapshot.storage.k8s.io/v1", "VolumeSnapshot")
                .inNamespace(story.namespace())
                .withName(name)
                .require();
    }

    private static long mebibytes(Story story, String pod) throws Exception {
        var words = story.inPod(pod, "df", "-m", "/data").lines().skip(1).findFirst().orElseThrow();
        return Long.parseLong(words.trim().split("\\s+")[1]);
    }
}
