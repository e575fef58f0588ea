package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.Pod;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// Story 6: who may use a volume at the same time, and how.
@TestInstance(TestInstance.Lifecycle.PER_CLASS) // one connection for all
class AccessModesTest {
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final String SLEEP = "exec sleep infinity";

    private Cluster cluster;
    private Story story;

    @BeforeAll
    void openCluster() throws Exception {
        cluster = Cluster.open();
    }

    @AfterAll
    void closeCluster() {
        cluster.close();
    }

    @BeforeEach
    void beginStory() {
        story = Story.begin(cluster);
    }

    @AfterEach
    void endStory() {
        story.close();
    }

    @Test
    void readWriteOnceIsForOneNodeAndAllItsPods() throws Exception {
        story.apply(Manifests.claim("local", "ssd", "400Mi"));
        story.apply(Manifests.claim("central", "shared", "100Mi"));
        for (var claim : List.of("local", "central")) {
            story.apply(Manifests.pod(claim + "-1", claim, "node1", SLEEP));
            story.podIsReady(claim + "-1");
            story.apply(Manifests.pod(claim + "-2", claim, "node1", SLEEP));
            story.apply(Manifests.pod(claim + "-elsewhere", claim, "node2", SLEEP));
        }
        for (var claim : List.of("local", "central")) {
            story.podIsReady(claim + "-2");
            story.inPod(claim + "-1", "sh", "-c", "echo seen > /data/word");
            assertThat(story.inPod(claim + "-2", "cat", "/data/word")).isEqualTo("seen\n");
        }
        Events.tell(story, "local-elsewhere", "0/2 nodes are available", "node affinity");
        Events.tell(story, "central-elsewhere", "Multi-Attach error", "already used by pod");
        // What Kubernetes itself would not have asked for is refused by the driver too.
        var attachment = attachByHand("central", "node2");
        try {
            assertThat(attachment).contains("is attached to node node1: detach it there first");
        } finally {
            cluster.client().storage().v1().volumeAttachments().withName(BY_HAND).delete();
        }
        readOnlyUseIsReadOnly();
    }

    private static final String BY_HAND = "by-hand";

    /// What the attacher was told.
    private String attachByHand(String claim, String node) throws Exception {
        var attachments = cluster.client().storage().v1().volumeAttachments();
        var volume = story.volumeOf(claim).getMetadata().getName();
        story.apply(
                """
                apiVersion: storage.k8s.io/v1
                kind: VolumeAttachment
                metadata: {name: %s}
                spec:
                  attacher: central.csi.stowage.dev
                  nodeName: %s
                  source: {persistentVolumeName: %s}
                """
                        .formatted(BY_HAND, node, volume));
        var told =
                attachments
                        .withName(BY_HAND)
                        .waitUntilCondition(
                                now ->
                                        now != null
                                                && now.getStatus() != null
                                                && now.getStatus().getAttachError() != null,
                                PATIENCE.toSeconds(),
                                TimeUnit.SECONDS);
        assertThat(told.getStatus().getAttached()).isFalse();
        return told.getStatus().getAttachError().getMessage();
    }

    /// By the claim's use in the pod, and by a container's mount.
    private void readOnlyUseIsReadOnly() throws Exception {
        var byUse = "{persistentVolumeClaim: {claimName: local, readOnly: true}}";
        story.apply(Manifests.pod("reader", byUse, "node1", SLEEP, ""));
        story.apply(
                Manifests.pod("reading-container", "local", "node1", SLEEP)
                        .replace("mountPath: /data", "mountPath: /data, readOnly: true"));
        for (var pod : List.of("reader", "reading-container")) {
            story.podIsReady(pod);
            assertThat(story.inPod(pod, "cat", "/data/word")).isEqualTo("seen\n");
            isReadOnly(pod, "/data/word");
        }
    }

    private void isReadOnly(String pod, String file) {
        assertThatThrownBy(() -> story.inPod(pod, "sh", "-c", "echo changed > " + file))
                .hasMessageContaining("Read-only file system");
    }

    @Test
    void readWriteOncePodLetsTheSecondPodWait() throws Exception {
        story.apply(Examples.read("read-write-once-pod.yaml"));
        Polling.until(
                PATIENCE, () -> ready("first") || ready("second"), "one of the pods is ready");
        var having = ready("first") ? "first" : "second";
        var waiting = having.equals("first") ? "second" : "first";
        Events.tell(story, waiting, "ReadWriteOncePod");
        assertThat(ready(waiting)).isFalse();

        story.deletePod(having);
        story.podIsReady(waiting);
    }

    private boolean ready(String name) {
        return pod(name).getStatus().getConditions().stream()
                .anyMatch(c -> c.getType().equals("Ready") && c.getStatus().equals("True"));
    }

    private Pod pod(String name) {
        return cluster.client().pods().inNamespace(story.namespace()).withName(name).require();
    }

    @Test
    void readOnlyManyIsReadOnBothNodes() throws Exception {
        var central = new Driver(cluster, "stowage-central");
        cluster.onNode(
                "node1",
                "sh",
                "-c",
                "mkdir /mnt/shared/atlas && echo north > /mnt/shared/atlas/word");
        var printed =
                new PoolTool(cluster, central, "node1")
                        .importVolume(
                                "/mnt/shared/atlas",
                                "--pool=shared",
                                "--name=atlas",
                                "--size=2Gi",
                                "--provisioning=thin",
                                "--access-mode=ReadOnlyMany");
        cluster.onNode("node1", "rm", "-r", "/mnt/shared/atlas");
        var example = story.read(Examples.read("read-only-many.yaml"));
        var volume = cluster.client().resource((PersistentVolume) example.getFirst());
        volume.item().getSpec().getCsi().setVolumeHandle(handle(printed));
        volume.item().getSpec().setNodeAffinity(printed.getSpec().getNodeAffinity());
        volume.item().getSpec().setVolumeMode("Filesystem"); // Kubernetes' default
        assertThat(volume.item().getSpec()).isEqualTo(printed.getSpec());
        try {
            volume.serverSideApply();
            story.apply(example.get(1));
            story.apply(example.get(2));
            readersAreOnBothNodes();
        } finally {
            volume.edit(
                    now -> {
                        now.getSpec().setPersistentVolumeReclaimPolicy("Delete");
                        return now;
                    });
        }
        cluster.client().apps().deployments().inNamespace(story.namespace()).delete();
        story.deleteClaim("atlas");
        story.volumeBecomes("atlas", Objects::isNull);
        assertThat(cluster.onNode("node1", "ls", "/mnt/shared/stowage/volumes"))
                .doesNotContain(handle(printed));
    }

    private static String handle(PersistentVolume volume) {
        return volume.getSpec().getCsi().getVolumeHandle();
    }

    private void readersAreOnBothNodes() throws Exception {
        var deployment =
                cluster.client()
                        .apps()
                        .deployments()
                        .inNamespace(story.namespace())
                        .withName("atlas");
        deployment.waitUntilReady(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        var readers =
                cluster.client()
                        .pods()
                        .inNamespace(story.namespace())
                        .withLabel("app", "atlas")
                        .list()
                        .getItems();
        var nodes =
                readers.stream()
                        .map(pod -> pod.getSpec().getNodeName())
                        .collect(Collectors.toSet());
        assertThat(nodes).containsExactlyInAnyOrder("node1", "node2");
        for (var reader : readers) {
            var name = reader.getMetadata().getName();
            assertThat(story.inPod(name, "cat", "/atlas/word")).isEqualTo("north\n");
            isReadOnly(name, "/atlas/word");
        }
    }

    @Test
    void readWriteManyIsRefusedAtOnceWithTheModesThatThereAre() throws Exception {
        for (var pool : List.of("ssd", "shared")) {
            story.apply(
                    Manifests.claim("on-" + pool, pool, "400Mi")
                            .replace("ReadWriteOnce", "ReadWriteMany"));
            story.apply(Manifests.pod("of-" + pool, "on-" + pool, "", SLEEP));
        }
        for (var pool : List.of("ssd", "shared")) {
            Events.tell(
                    story,
                    "on-" + pool,
                    "pool %s can't serve access mode MULTI_NODE_MULTI_WRITER".formatted(pool),
                    "use one of",
                    "MULTI_NODE_READER_ONLY");
        }
    }
}
