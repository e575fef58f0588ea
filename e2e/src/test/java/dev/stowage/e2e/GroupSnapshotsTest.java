package dev.stowage.e2e;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Snapshots of two volumes at one moment: from examples/shop.yaml, group-snapshot.yaml and
/// group-restore.yaml. The pod writes each number to `orders`, synced, and then to `payments`.
class GroupSnapshotsTest {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final String NODE_SELECTOR =
            "  terminationGracePeriodSeconds: 1\n  nodeSelector: {kubernetes.io/hostname: %s}";

    /// A second driver of mode central, so that the first one's controller stays as it is.
    private static final String FREEZING =
            """
            mode: central
            driver: freezing.csi.stowage.dev
            pools:
              freezing: {path: /mnt/shared/freezing, shared: true}
            snapshots: {enabled: true, groups: true}
            volumeGroupSnapshotClasses: {freezing: {deletionPolicy: Delete}}
            controller: {freeze: true, runAsUser: 0, runAsGroup: 0}
            """;

    @Test
    void aGroupWaitsForItsVolumesEndOfUseAndTakesItsSnapshotsWithIt() throws Exception {
        try (var cluster = Cluster.open()) {
            var before = copies(cluster, "/mnt/shared/stowage");
            var controller = Driver.central(cluster).controllerNode();
            var other = controller.equals("node1") ? "node2" : "node1";
            try (var story = Story.begin(cluster)) {
                story.apply(shop("shared", other));
                story.podIsReady("shop");
                story.apply(Examples.read("group-snapshot.yaml"));
                Polling.until(
                        PATIENCE,
                        () -> complaint(story).contains("is attached to node " + other),
                        "the reason why volumes in use on the other node can't be grouped");
                var written = numbers(story, "shop", "payments");
                assertThat(written).isPositive();

                story.deletePod("shop");
                isReadyToUse(story);
                restore(story, "shared");
                isInOrder(story, written);
                end(story);
            }
            assertThat(copies(cluster, "/mnt/shared/stowage")).isEqualTo(before);
        }
    }

    @Test
    void aGroupOfVolumesInUseKeepsTheOrderInWhichTheyWereWritten(@TempDir Path folder)
            throws Exception {
        var values = Files.writeString(folder.resolve("values.yaml"), FREEZING).toString();
        try (var cluster = Cluster.open()) {
            var driver = new Driver(cluster, "freezing");
            try {
                driver.helm(
                        "install", Driver.CHART, "--values", values, "--wait", "--timeout", "3m");
                var controller = driver.controllerNode();
                try (var story = Story.begin(cluster)) {
                    groupWhileWritten(story, controller);
                    end(story);
                }
                assertThat(copies(cluster, "/mnt/shared/freezing")).isEmpty();
            } finally {
                driver.helm("uninstall", "--wait");
                forgetPool(cluster);
            }
        }
    }

    /// As docs/install.md tells: the folder, and on each node what remembers that it was there.
    private static void forgetPool(Cluster cluster) throws Exception {
        cluster.onNode("node1", "rm", "-rf", "/mnt/shared/freezing");
        for (var node : new String[] {"node1", "node2"}) {
            cluster.onNode(node, "rm", "-rf", "/var/lib/stowage/freezing.csi.stowage.dev");
        }
    }

    private static void groupWhileWritten(Story story, String controller) throws Exception {
        story.apply(shop("freezing", controller));
        story.podIsReady("shop");
        Polling.until(PATIENCE, () -> numbers(story, "shop", "payments") > 50, "the pod writes");
        var before = numbers(story, "shop", "payments");
        story.apply(
                Examples.read(
                        "group-snapshot.yaml",
                        "volumeGroupSnapshotClassName: stowage",
                        "volumeGroupSnapshotClassName: freezing"));
        isReadyToUse(story);
        var after = numbers(story, "shop", "payments");
        Polling.until(
                PATIENCE, () -> numbers(story, "shop", "payments") > after, "the pod writes on");

        restore(story, "freezing");

        assertThat(numbers(story, "auditor", "orders")).isLessThanOrEqualTo(after + 1);
        isInOrder(story, before);
        story.deletePod("shop");
    }

    private static String shop(String storageClass, String node) throws Exception {
        return ofClass("shop.yaml", storageClass)
                .replace("  terminationGracePeriodSeconds: 1", NODE_SELECTOR.formatted(node));
    }

    private static String ofClass(String example, String storageClass) throws Exception {
        return Examples.read(
                example, "storageClassName: shared", "storageClassName: " + storageClass);
    }

    /// What the pool has of snapshots and groups.
    private static String copies(Cluster cluster, String pool) throws Exception {
        return cluster.onNode(
                "node1",
                "find",
                pool + "/snapshots",
                pool + "/groups",
                "-mindepth",
                "1",
                "-maxdepth",
                "1");
    }

    private static GenericKubernetesResource group(Story story) {
        return story.client()
                .genericKubernetesResources(
                        "groupsnapshot.storage.k8s.io/v1", "VolumeGroupSnapshot")
                .inNamespace(story.namespace())
                .withName("shop-1")
                .require();
    }

    private static String complaint(Story story) {
        return String.valueOf((Object) group(story).get("status", "error", "message"));
    }

    private static void isReadyToUse(Story story) throws Exception {
        Polling.until(
                PATIENCE,
                () -> Boolean.TRUE.equals(group(story).get("status", "readyToUse")),
                "the group snapshot");
    }

    private static void restore(Story story, String storageClass) throws Exception {
        var names = snapshots(story);
        assertThat(names).containsOnlyKeys("orders", "payments");
        story.apply(
                ofClass("group-restore.yaml", storageClass)
                        .replace("snapshot-of-orders", names.get("orders"))
                        .replace("snapshot-of-payments", names.get("payments")));
        story.podIsReady("auditor");
    }

    /// The names of the group's snapshots by their claims.
    private static Map<String, String> snapshots(Story story) {
        List<GenericKubernetesResource> all =
                story.client()
                        .genericKubernetesResources("snapshot.storage.k8s.io/v1", "VolumeSnapshot")
                        .inNamespace(story.namespace())
                        .list()
                        .getItems();
        return all.stream()
                .collect(
                        toMap(
                                one -> one.get("spec", "source", "persistentVolumeClaimName"),
                                one -> one.getMetadata().getName()));
    }

    /// What was restored has at least so many numbers, none missing, and the two are of one moment.
    private static void isInOrder(Story story, long atLeast) throws Exception {
        var orders = numbers(story, "auditor", "orders");
        var payments = numbers(story, "auditor", "payments");
        assertThat(payments).isGreaterThanOrEqualTo(atLeast);
        assertThat(orders).isBetween(payments, payments + 1);
    }

    /// How many numbers the pod finds in the volume, which must be those from 1 on.
    private static long numbers(Story story, String pod, String volume) throws Exception {
        var file = "/" + volume + "/numbers";
        return Long.parseLong(
                story.inPod(pod, "awk", "$1 != NR {exit 1} END {print NR}", file).strip());
    }

    private static void end(Story story) throws Exception {
        story.deletePod("auditor");
        story.client().resource(group(story)).delete();
        Polling.until(
                PATIENCE, () -> snapshots(story).isEmpty(), "the end of the group's snapshots");
    }
}
