package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// Story 3: what was committed is there, whatever happens to the server, its pod and its node.
class MySqlTest {
    private static final Duration PATIENCE = Duration.ofMinutes(5);
    private static final String OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

    /// A power failure would have taken the loop devices along; these belong to the whole machine.
    private static final String FORGET_DEVICES =
            """
            for file in /sys/block/loop*/loop/backing_file; do
                device=${file#/sys/block/}
                if grep -q -e %s -e %s "$file"; then losetup --detach "/dev/${device%%%%/*}"; fi
            done
            """;

    @Test
    void rowsSurviveTheDeathOfTheServerAndOfItsPod() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            var example = Examples.read("mysql-pod.yaml", "8Gi", "1Gi");
            story.apply(example);
            var node = story.podIsReady("mysql").getSpec().getNodeName();
            var mysql = MySql.in(story, "mysql");
            mysql.write("first");

            assertThat(cluster.kill(node, "mariadbd")).isEqualTo(1);
            Polling.until(PATIENCE, () -> restarts(story) == 1, "it was started again");
            story.podIsReady("mysql");
            assertThat(mysql.rows()).containsExactly("first");
            mysql.write("second");

            story.deletePod("mysql");
            story.apply(example);
            story.podIsReady("mysql");
            assertThat(mysql.rows()).containsExactly("first", "second");
        }
    }

    private static int restarts(Story story) {
        var pod = story.client().pods().inNamespace(story.namespace()).withName("mysql").require();
        return pod.getStatus().getContainerStatuses().getFirst().getRestartCount();
    }

    /// In mode central; and in mode local the pod waits for its node.
    @Test
    void rowsMoveWithThePodAndSurviveTheLossOfItsNode() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            var example =
                    Examples.read("mysql-pod.yaml", "8Gi", "1Gi")
                            .replace("storageClassName: ssd", "storageClassName: shared");
            story.apply(example);
            var first = story.podIsReady("mysql").getSpec().getNodeName();
            MySql.in(story, "mysql").write("before the drain");

            cluster.command(
                    "kubectl",
                    "drain",
                    first,
                    "--force",
                    "--ignore-daemonsets",
                    "--delete-emptydir-data",
                    "--timeout=180s");
            String second;
            try {
                story.apply(example);
                second = story.podIsReady("mysql").getSpec().getNodeName();
            } finally {
                cluster.command("kubectl", "uncordon", first);
            }
            assertThat(second).isNotEqualTo(first);
            assertThat(MySql.in(story, "mysql").rows()).containsExactly("before the drain");

            MySql.in(story, "mysql").write("before the loss");
            story.apply(Manifests.claim("local", "ssd", "400Mi"));
            story.apply(Manifests.pod("local", "local", second, "exec sleep infinity"));
            story.podIsReady("local");
            story.inPod("local", "sh", "-c", "echo remembered > /data/word && sync");
            surviveTheLossOf(second, cluster, story, example);
        }
    }

    private static void surviveTheLossOf(String node, Cluster cluster, Story story, String example)
            throws Exception {
        var other = node.equals("node1") ? "node2" : "node1";
        var devices = FORGET_DEVICES.formatted(handle(story, "mysql"), handle(story, "local"));
        cluster.command("kill-node", node);
        try {
            cluster.onNode(other, "bash", "-c", devices);
            becomes(story, node, "Unknown");
            // Nobody said yet that the node is off: whoever comes next is kept waiting.
            story.apply(named("mysql-again", story.read(example).getLast()));
            Events.tell(story, "mysql-again", "Multi-Attach error");

            taint(cluster, node, OUT_OF_SERVICE + "=nodeshutdown:NoExecute");
            isGone(story, "mysql");
            isGone(story, "local");
            assertThat(story.podIsReady("mysql-again").getSpec().getNodeName()).isEqualTo(other);
            assertThat(MySql.in(story, "mysql-again").rows())
                    .containsExactly("before the drain", "before the loss");

            story.apply(Manifests.pod("local", "local", "", "exec sleep infinity"));
            Events.tell(
                    story,
                    "local",
                    "0/2 nodes are available",
                    "PersistentVolume's node affinity",
                    "untolerated taint");
        } finally {
            cluster.command("start-node", node);
            becomes(story, node, "True");
            taint(cluster, node, OUT_OF_SERVICE + "-");
        }
        assertThat(story.podIsReady("local").getSpec().getNodeName()).isEqualTo(node);
        assertThat(story.inPod("local", "cat", "/data/word")).isEqualTo("remembered\n");
        Driver.local(cluster).isRolledOut();
        Driver.central(cluster).isRolledOut();
    }

    private static String handle(Story story, String claim) {
        return story.volumeOf(claim).getSpec().getCsi().getVolumeHandle();
    }

    private static void taint(Cluster cluster, String node, String taint) throws Exception {
        cluster.command("kubectl", "taint", "node", node, taint);
    }

    private static Pod named(String name, Object pod) {
        var renamed = (Pod) pod;
        renamed.getMetadata().setName(name);
        return renamed;
    }

    private static void isGone(Story story, String pod) {
        story.client()
                .pods()
                .inNamespace(story.namespace())
                .withName(pod)
                .waitUntilCondition(Objects::isNull, PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    /// Waits until the node's condition Ready has this status.
    private static void becomes(Story story, String node, String status) throws Exception {
        Polling.until(
                PATIENCE,
                () ->
                        story
                                .client()
                                .nodes()
                                .withName(node)
                                .require()
                                .getStatus()
                                .getConditions()
                                .stream()
                                .filter(condition -> condition.getType().equals("Ready"))
                                .anyMatch(condition -> condition.getStatus().equals(status)),
                "%s is ready: %s".formatted(node, status));
    }
}
