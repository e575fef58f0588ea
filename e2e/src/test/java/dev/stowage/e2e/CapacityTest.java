package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Quantity;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// Story 5: pods go where there is room for their volumes. Pool hdd is thin, so room is what it may
/// still promise.
class CapacityTest {
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final String SLEEP = "exec sleep infinity";

    @Test
    void podsGoWhereThereIsRoomAndWaitWhereThereIsNone() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            var room = free(cluster, "node2");
            story.apply(rawClaim("filler", mebibytes(room, 0.85)));
            story.apply(
                    Manifests.pod("filler", "filler", "node2", SLEEP)
                            .replace(
                                    "volumeMounts: [{name: data, mountPath: /data}]",
                                    "volumeDevices: [{name: data, devicePath: /dev/data}]"));
            story.podIsReady("filler");
            Polling.until(
                    PATIENCE,
                    () -> free(cluster, "node2") < room / 5,
                    "Kubernetes knows that node2 is nearly full");

            for (var name : new String[] {"a", "b", "c"}) {
                story.apply(rawClaim(name, mebibytes(room, 0.25)));
                story.apply(
                        Manifests.pod(name, name, "", SLEEP)
                                .replace(
                                        "volumeMounts: [{name: data, mountPath: /data}]",
                                        "volumeDevices: [{name: data, devicePath: /dev/data}]"));
            }
            story.apply(Manifests.claim("nowhere", "hdd", mebibytes(room, 3)));
            story.apply(Manifests.pod("nowhere", "nowhere", "", SLEEP));
            for (var name : new String[] {"a", "b", "c"}) {
                assertThat(story.podIsReady(name).getSpec().getNodeName()).isEqualTo("node1");
            }
            Events.tell(
                    story,
                    "nowhere",
                    "0/2 nodes are available",
                    "did not have enough free storage");
            // The claim says what the scheduler doesn't: how much there is, and where.
            Events.tell(
                    story,
                    "nowhere",
                    Pattern.compile(
                            "^no node has room for the [0-9.]+ [MG]iB of StorageClass hdd that this claim asks for:"
                                    + " free are [0-9.]+ [MG]iB on node1, [0-9.]+ [MG]iB on node2 "));
            assertThat(
                            cluster.client()
                                    .pods()
                                    .inNamespace(story.namespace())
                                    .withName("nowhere")
                                    .require()
                                    .getStatus()
                                    .getPhase())
                    .isEqualTo("Pending");
        }
    }

    @Test
    void aSharedPoolThatIsTooSmallSaysHowMuchIsFree() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            story.apply(Manifests.claim("nowhere", "shared", "100Ti"));
            Events.tell(
                    story,
                    "nowhere",
                    Pattern.compile(
                            "^the pool has no room for the 100 TiB of StorageClass shared that this claim asks for:"
                                    + " [0-9.]+ [MG]iB are free"));
        }
    }

    /// Failure case 80: however many nodes have it, a shared pool is one place.
    @Test
    void aSharedPoolHasOnePublishedCapacityForAllNodes() throws Exception {
        try (var cluster = Cluster.open()) {
            Polling.until(
                    PATIENCE,
                    () -> placesOf(cluster, "shared").size() == 1,
                    "one CSIStorageCapacity is published for StorageClass shared");
            assertThat(placesOf(cluster, "shared").getFirst().keySet())
                    .allMatch(key -> key.startsWith("topology.csi.stowage.dev/pool-"));
            for (var node : cluster.client().storage().v1().csiNodes().list().getItems()) {
                node.getSpec().getDrivers().stream()
                        .filter(driver -> driver.getName().equals("central.csi.stowage.dev"))
                        .forEach(
                                driver ->
                                        assertThat(driver.getTopologyKeys())
                                                .isNotEmpty()
                                                .doesNotContain("topology.csi.stowage.dev/node"));
            }
        }
    }

    private static List<Map<String, String>> placesOf(Cluster cluster, String storageClass) {
        return cluster
                .client()
                .storage()
                .v1()
                .csiStorageCapacities()
                .inNamespace(Driver.NAMESPACE)
                .list()
                .getItems()
                .stream()
                .filter(capacity -> capacity.getStorageClassName().equals(storageClass))
                .map(capacity -> capacity.getNodeTopology().getMatchLabels())
                .toList();
    }

    /// Where the provisioner may ask the driver, the claim itself tells how much is left.
    @Test
    void aClaimThatCannotBeServedTellsHowMuchIsLeft() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            var storageClass =
                    """
                    apiVersion: storage.k8s.io/v1
                    kind: StorageClass
                    metadata: {name: shared-at-once}
                    provisioner: central.csi.stowage.dev
                    volumeBindingMode: Immediate
                    parameters: {pool: shared}
                    """;
            try {
                story.apply(storageClass);
                story.apply(Manifests.claim("nowhere", "shared-at-once", "100Ti"));
                Events.tell(
                        story,
                        "nowhere",
                        Pattern.compile(
                                "the pool has [1-9][0-9]* unreserved bytes for thick volumes, not 109951162777600:"
                                        + " delete volumes, or use another pool"));
            } finally {
                cluster.client()
                        .storage()
                        .v1()
                        .storageClasses()
                        .withName("shared-at-once")
                        .delete();
            }
        }
    }

    /// What the node's pool hdd may still promise, as `kubectl get csistoragecapacities` shows it.
    private static long free(Cluster cluster, String node) {
        return cluster
                .client()
                .storage()
                .v1()
                .csiStorageCapacities()
                .inNamespace(Driver.NAMESPACE)
                .list()
                .getItems()
                .stream()
                .filter(capacity -> capacity.getStorageClassName().equals("hdd"))
                .filter(capacity -> capacity.getNodeTopology().getMatchLabels().containsValue(node))
                .mapToLong(capacity -> bytes(capacity.getCapacity()))
                .findFirst()
                .orElseThrow();
    }

    private static long bytes(Quantity quantity) {
        return Quantity.getAmountInBytes(quantity).longValue();
    }

    private static String mebibytes(long bytes, double part) {
        return BigDecimal.valueOf(bytes).multiply(BigDecimal.valueOf(part)).longValue() / (1 << 20)
                + "Mi";
    }

    private static String rawClaim(String name, String size) {
        return Manifests.claim(name, "hdd", size)
                .replace("accessModes:", "volumeMode: Block\n  accessModes:");
    }
}
