package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CreateVolumeRequest;
import csi.v1.GetCapacityRequest;
import csi.v1.NodeGetInfoRequest;
import csi.v1.Topology;
import csi.v1.TopologyRequirement;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// The provisioner publishes one capacity for each StorageClass and each set of segments that some
/// node tells.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
@DisplayName("80: a node tells the places that its pools need and no others")
class TopologyTest {
    private static final String KEYS = "topology.csi.stowage.dev/";
    private static final String TWO_POOLS =
            "attach: true\ndefaultPool: ssd\npools:\n  ssd: {type: file, path: %1$s/ssd, shared: true}\n  hdd: {type: file, path: %1$s/hdd, shared: true}\n";

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private static Map<String, String> told(TestDriver driver) {
        return driver.node()
                .nodeGetInfo(NodeGetInfoRequest.getDefaultInstance())
                .getAccessibleTopology()
                .getSegmentsMap();
    }

    private static long capacity(TestDriver driver, String pool, Map<String, String> place) {
        return driver.controller()
                .getCapacity(
                        GetCapacityRequest.newBuilder()
                                .putParameters("pool", pool)
                                .setAccessibleTopology(Topology.newBuilder().putAllSegments(place))
                                .build())
                .getAvailableCapacity();
    }

    private static CreateVolumeRequest at(String name, String pool, Map<String, String> place) {
        var term = Topology.newBuilder().putAllSegments(place);
        return TestDriver.createRequest(name).toBuilder()
                .putParameters("pool", pool)
                .setAccessibilityRequirements(
                        TopologyRequirement.newBuilder().addRequisite(term).addPreferred(term))
                .build();
    }

    @Test
    void nodesWithTheSameSharedPoolsTellTheSameAndReachTheirVolumes() throws Exception {
        try (var one = TestDriver.start(folder, "n1", TWO_POOLS.formatted(folder));
                var other = TestDriver.start(folder, "n2", TWO_POOLS.formatted(folder))) {
            var place = told(one);
            assertThat(told(other)).isEqualTo(place);
            assertThat(place).hasSize(2).doesNotContainKey(KEYS + "node");
            assertThat(place.keySet()).allMatch(key -> key.startsWith(KEYS + "pool-"));
            assertThat(capacity(one, "ssd", place)).isPositive();
            var made = one.controller().createVolume(at("v", "ssd", place)).getVolume();
            assertThat(made.getAccessibleTopologyList()).hasSize(1);
            assertThat(place).containsAllEntriesOf(made.getAccessibleTopology(0).getSegmentsMap());
        }
    }

    @Test
    void aNodeWithoutTheSharedPoolTellsItselfAndIsOfferedNothing() throws Exception {
        Files.createDirectory(folder.resolve("ssd"));
        var missing = folder + "/no-disk";
        try (var has = TestDriver.start(folder, "n1", TWO_POOLS.formatted(folder));
                var lacks = TestDriver.start(folder, "n2", TWO_POOLS.formatted(missing));
                var half =
                        TestDriver.start(
                                folder,
                                "n3",
                                TWO_POOLS
                                        .formatted(folder)
                                        .replace(folder + "/hdd", missing + "/hdd"))) {
            assertThat(told(lacks)).isEqualTo(Map.of(KEYS + "node", "n2"));
            assertThat(capacity(has, "ssd", told(lacks))).isZero();
            var refused =
                    TestDriver.refusal(
                            () -> has.controller().createVolume(at("v", "ssd", told(lacks))));
            assertThat(refused.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);

            assertThat(told(half)).hasSize(1);
            assertThat(told(has)).containsAllEntriesOf(told(half));
            assertThat(capacity(has, "ssd", told(half))).isPositive();
            assertThat(capacity(has, "hdd", told(half))).isZero();
        }
    }

    /// As long as nodes of an earlier version run, and for objects that they left.
    @Test
    void aNodeThatTellsItselfBesideItsPoolsIsStillServed() throws Exception {
        try (var driver = TestDriver.central(folder, "n1")) {
            var before = new TreeMap<>(told(driver));
            before.put(KEYS + "node", "n1");
            assertThat(capacity(driver, "ssd", before)).isPositive();
            assertThat(capacity(driver, "ssd", Map.of())).isPositive();
            var made = driver.controller().createVolume(at("v", "ssd", before)).getVolume();
            assertThat(before).containsAllEntriesOf(made.getAccessibleTopology(0).getSegmentsMap());
        }
    }

    @Test
    void aNodeWithPoolsOfItsOwnTellsItself() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            assertThat(told(driver)).isEqualTo(Map.of(KEYS + "node", "n1"));
            assertThat(capacity(driver, "ssd", told(driver))).isPositive();
        }
    }
}
