package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.MULTI_NODE_MULTI_WRITER;
import static csi.v1.VolumeCapability.AccessMode.Mode.MULTI_NODE_READER_ONLY;
import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_SINGLE_WRITER;
import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import csi.v1.CapacityRange;
import csi.v1.ControllerGetVolumeRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.CreateVolumeResponse;
import csi.v1.DeleteVolumeRequest;
import csi.v1.GetCapacityRequest;
import csi.v1.ListVolumesRequest;
import csi.v1.NodeGetInfoRequest;
import csi.v1.ProbeRequest;
import csi.v1.Topology;
import csi.v1.TopologyRequirement;
import csi.v1.ValidateVolumeCapabilitiesRequest;
import dev.stowage.linux.Command;
import dev.stowage.linux.Mounts;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The driver as its callers meet it: over its socket, on a real pool.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class DriverTest {
    private static final String LONG_ID =
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                    + "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

    @TempDir(factory = TestFolder.class)
    private Path folder;

    /// Failure case 35.
    @Test
    void fiftyCreatesOfOneNameMakeOneVolume() throws Exception {
        try (var driver = TestDriver.central(folder, NODE);
                var callers = Executors.newFixedThreadPool(50)) {
            var answers = new ArrayList<Future<CreateVolumeResponse>>();
            for (var i = 0; i < 50; i++) {
                answers.add(
                        callers.submit(
                                () ->
                                        driver.controller()
                                                .createVolume(TestDriver.createRequest("same"))));
            }
            var ids = new TreeSet<String>();
            for (var answer : answers) {
                ids.add(answer.get().getVolume().getVolumeId());
            }
            assertThat(ids).hasSize(1);
            assertThat(listed(driver)).containsExactlyElementsOf(ids);
        }
    }

    /// Failure case 35.
    @Test
    void aNameThatIsTakenBySomethingElseIsRefusedWithTheDifference() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            driver.create("data");
            var larger =
                    TestDriver.createRequest("data").toBuilder()
                            .setCapacityRange(
                                    CapacityRange.newBuilder()
                                            .setRequiredBytes(64 * TestDriver.MIB))
                            .build();
            var refused = refusal(() -> driver.controller().createVolume(larger));
            assertThat(refused.getCode()).isEqualTo(Status.Code.ALREADY_EXISTS);
            assertThat(refused.getDescription()).contains("its size is 33554432 bytes");
        }
    }

    /// Failure case 35.
    @ParameterizedTest
    @CsvSource({
        "provisioning,thin,its provisioning is thick",
        "mkfsOptions,-m 0,its mkfsOptions are",
        "csi.storage.k8s.io/fstype,ext3,it is made for ext4"
    })
    void aNameThatIsTakenWithOtherParametersIsRefused(String key, String value, String difference)
            throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var id = driver.create("data");
            var other =
                    TestDriver.createRequest("data").toBuilder().putParameters(key, value).build();
            var refused = refusal(() -> driver.controller().createVolume(other));
            assertThat(refused.getCode()).isEqualTo(Status.Code.ALREADY_EXISTS);
            assertThat(refused.getDescription()).contains(difference);
            assertThat(driver.create("data")).isEqualTo(id);
        }
    }

    /// Failure case 41.
    @Test
    void namesThatAreAlikeGetVolumesOfTheirOwn() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var names = List.of("data", "Data", "..", "a/b", ".hidden", "größe", "x".repeat(128));
            var ids = new TreeSet<String>();
            names.forEach(name -> ids.add(driver.create(name)));
            assertThat(ids).hasSize(names.size());
        }
    }

    /// Failure case 39.
    @ParameterizedTest
    @ValueSource(strings = {"../../etc", "nothing", "größe", LONG_ID, "a\nb"})
    void deletingWhatIsNoIdOfOursChangesNothing(String id) throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var kept = driver.create("data");
            driver.delete(id);
            assertThat(listed(driver)).containsExactly(kept);
        }
    }

    /// Failure case 39.
    @Test
    void deletingFromAPoolThatIsNotHereIsRefused() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var elsewhere = "hdd.ffffffff.v" + "0".repeat(32);
            var refused = refusal(() -> delete(driver, elsewhere));
            assertThat(refused.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(refused.getDescription()).contains("hdd (ffffffff), which is not here");
            assertThat(refusal(() -> delete(driver, "")).getCode())
                    .isEqualTo(Status.Code.INVALID_ARGUMENT);
        }
    }

    /// Failure cases 33, 39 and 56.
    @Test
    void aSickPoolIsSickAlone() throws Exception {
        var yaml =
                "attach: true\ndefaultPool: ssd\npools:\n  ssd: {type: file, path: %1$s/ssd, shared: true}\n  hdd: {type: file, path: %1$s/hdd, shared: true}\n"
                        .formatted(folder);
        var onHdd =
                TestDriver.createRequest("data").toBuilder().putParameters("pool", "hdd").build();
        String id;
        try (var driver = TestDriver.start(folder, NODE, yaml)) {
            id = driver.controller().createVolume(onHdd).getVolume().getVolumeId();
        }
        Files.move(folder.resolve("hdd"), folder.resolve("unplugged"));
        Files.createDirectory(folder.resolve("hdd"));
        try (var driver = TestDriver.start(folder, NODE, yaml)) {
            assertThat(
                            driver.identity()
                                    .probe(ProbeRequest.getDefaultInstance())
                                    .getReady()
                                    .getValue())
                    .isTrue();
            for (var refused :
                    List.of(
                            refusal(() -> delete(driver, id)),
                            refusal(() -> driver.controller().createVolume(onHdd)))) {
                assertThat(refused.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
                assertThat(refused.getDescription()).contains("hdd").contains("was here before");
            }
            driver.delete(driver.create("elsewhere"));
        }
        assertThat(folder.resolve("hdd")).isEmptyDirectory();
        assertThat(folder.resolve("unplugged/volumes").resolve(id)).isDirectory();
    }

    /// Failure case 48.
    @Test
    void aSecondNodeIsRefusedWithTheNameOfTheHolder() throws Exception {
        try (var driver = TestDriver.central(folder, NODE);
                var other = TestDriver.central(folder, "n2")) {
            var id = driver.create("data");
            var context = driver.attach(id, NODE, SINGLE_NODE_WRITER);
            assertThat(driver.attach(id, NODE, SINGLE_NODE_WRITER)).isEqualTo(context);
            var refused = refusal(() -> other.attach(id, "n2", SINGLE_NODE_WRITER));
            assertThat(refused.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(refused.getDescription()).contains(id).contains(NODE);
            assertThat(refusal(() -> delete(other, id)).getCode())
                    .isEqualTo(Status.Code.FAILED_PRECONDITION);
            var incompatible = refusal(() -> driver.attach(id, NODE, MULTI_NODE_READER_ONLY));
            assertThat(incompatible.getCode()).isEqualTo(Status.Code.ALREADY_EXISTS);
            driver.detach(id, NODE);
            assertThat(other.attach(id, "n2", SINGLE_NODE_WRITER)).isNotEmpty();
            driver.detach(id, "");
            assertThat(published(driver, id)).isEmpty();
        }
    }

    /// A node that lost its hold must not mount what it was once told about.
    @Test
    void aContextOutlivesItsAttachmentButIsOfNoUse() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var id = driver.create("data");
            var context = driver.attach(id, NODE, SINGLE_NODE_WRITER);
            driver.detach(id, NODE);
            var refused = refusal(() -> driver.stage(id, context, SINGLE_NODE_WRITER));
            assertThat(refused.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(refused.getDescription()).contains("is not attached to node " + NODE);
            assertThat(refusal(() -> driver.stage(id, Map.of(), SINGLE_NODE_WRITER)).getCode())
                    .isEqualTo(Status.Code.FAILED_PRECONDITION);
        }
    }

    /// Failure case 49.
    @Test
    void unknownNodesAndVolumesAreNotFoundAtAttachAndNoMatterAtDetach() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var id = driver.create("data");
            for (var node : List.of("n9", "../n1", "x".repeat(200))) {
                assertThat(refusal(() -> driver.attach(id, node, SINGLE_NODE_WRITER)).getCode())
                        .isEqualTo(Status.Code.NOT_FOUND);
                driver.detach(id, node);
            }
            var gone = id.substring(0, id.length() - 4) + "0000";
            assertThat(refusal(() -> driver.attach(gone, NODE, SINGLE_NODE_WRITER)).getCode())
                    .isEqualTo(Status.Code.NOT_FOUND);
            driver.detach(gone, NODE);
        }
    }

    /// Failure case 46.
    @Test
    void pagesAreStableWhileVolumesComeAndGo() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var ids = new TreeSet<String>();
            for (var i = 0; i < 10; i++) {
                ids.add(driver.create("v" + i));
            }
            var first =
                    driver.controller()
                            .listVolumes(ListVolumesRequest.newBuilder().setMaxEntries(4).build());
            var last = first.getEntries(3).getVolume().getVolumeId();
            driver.delete(last);
            ids.remove(last);
            var rest =
                    driver.controller()
                            .listVolumes(
                                    ListVolumesRequest.newBuilder()
                                            .setStartingToken(first.getNextToken())
                                            .build());
            assertThat(rest.getNextToken()).isEmpty();
            assertThat(
                            Stream.concat(
                                            first.getEntriesList().stream(),
                                            rest.getEntriesList().stream())
                                    .map(e -> e.getVolume().getVolumeId())
                                    .filter(id -> !id.equals(last)))
                    .containsExactlyElementsOf(ids);
            var garbage = ListVolumesRequest.newBuilder().setStartingToken("garbage").build();
            assertThat(refusal(() -> driver.controller().listVolumes(garbage)).getCode())
                    .isEqualTo(Status.Code.ABORTED);
        }
    }

    /// Failure case 46.
    @Test
    void theListSaysWhoHoldsAVolume() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var id = driver.create("data");
            driver.attach(id, NODE, SINGLE_NODE_WRITER);
            var entry =
                    driver.controller()
                            .listVolumes(ListVolumesRequest.getDefaultInstance())
                            .getEntries(0);
            assertThat(entry.getStatus().getPublishedNodeIdsList()).containsExactly(NODE);
            assertThat(published(driver, id)).containsExactly(NODE);
            driver.detach(id, NODE);
        }
    }

    /// Failure case 45.
    @Test
    void aPlaceThatCanNotReachThePoolIsRefusedSoThatAnotherNodeIsTried() throws Exception {
        try (var driver = TestDriver.local(folder, NODE)) {
            var here =
                    driver.node()
                            .nodeGetInfo(NodeGetInfoRequest.getDefaultInstance())
                            .getAccessibleTopology();
            assertThat(here.getSegmentsMap())
                    .isEqualTo(Map.of("topology.csi.stowage.dev/node", NODE));
            var made = driver.controller().createVolume(required(here)).getVolume();
            assertThat(made.getAccessibleTopologyList()).containsExactly(here);
            assertThat(made.getVolumeContextMap()).isEmpty();
            var elsewhere =
                    Topology.newBuilder()
                            .putSegments("topology.csi.stowage.dev/node", "n9")
                            .build();
            assertThat(
                            refusal(() -> driver.controller().createVolume(required(elsewhere)))
                                    .getCode())
                    .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            assertThat(driver.controller().createVolume(required(elsewhere, here)).getVolume())
                    .isEqualTo(made);
            var capacity = GetCapacityRequest.newBuilder();
            assertThat(driver.controller().getCapacity(capacity.build()).getAvailableCapacity())
                    .isPositive();
            assertThat(
                            driver.controller()
                                    .getCapacity(capacity.setAccessibleTopology(elsewhere).build())
                                    .getAvailableCapacity())
                    .isZero();
        }
    }

    /// Failure case 42: a node without the disk offers nothing, and the provisioner tries another.
    @Test
    void aPoolThatThisNodeLacksHasNoCapacityAndTakesNoVolumes() throws Exception {
        var yaml =
                "attach: false\npools: {ssd: {type: file, path: %s/no-disk/ssd}}\n"
                        .formatted(folder);
        try (var driver = TestDriver.start(folder, NODE, yaml)) {
            assertThat(
                            driver.controller()
                                    .getCapacity(GetCapacityRequest.getDefaultInstance())
                                    .getAvailableCapacity())
                    .isZero();
            assertThat(refusal(() -> driver.create("data")).getCode())
                    .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        }
    }

    /// Failure case 51.
    @Test
    void whatAVolumeCanNotDoIsSaidInWords() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var id = driver.create("data");
            var asked = ValidateVolumeCapabilitiesRequest.newBuilder().setVolumeId(id);
            var yes =
                    driver.controller()
                            .validateVolumeCapabilities(
                                    asked.addVolumeCapabilities(
                                                    TestDriver.mount(SINGLE_NODE_WRITER))
                                            .build());
            assertThat(yes.hasConfirmed()).isTrue();
            var no =
                    driver.controller()
                            .validateVolumeCapabilities(
                                    asked.addVolumeCapabilities(
                                                    TestDriver.mount(MULTI_NODE_MULTI_WRITER))
                                            .build());
            assertThat(no.hasConfirmed()).isFalse();
            assertThat(no.getMessage()).contains("MULTI_NODE_MULTI_WRITER");
            var unknown = asked.setVolumeId("nothing").build();
            assertThat(
                            refusal(() -> driver.controller().validateVolumeCapabilities(unknown))
                                    .getCode())
                    .isEqualTo(Status.Code.NOT_FOUND);
        }
    }

    /// Failure case 43.
    @Test
    void everyCapabilityMustBeServed() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var request =
                    TestDriver.createRequest("data").toBuilder()
                            .addVolumeCapabilities(TestDriver.mount(MULTI_NODE_MULTI_WRITER))
                            .build();
            var refused = refusal(() -> driver.controller().createVolume(request));
            assertThat(refused.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(refused.getDescription())
                    .contains("can't serve access mode MULTI_NODE_MULTI_WRITER");
        }
    }

    /// Failure case 50.
    @Test
    void aSingleWriterIsPublishedOnceAndOthersAsOftenAsAsked() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var one = driver.create("one");
            var context = driver.attach(one, NODE, SINGLE_NODE_SINGLE_WRITER);
            driver.stage(one, context, SINGLE_NODE_SINGLE_WRITER);
            driver.publish(one, context, "pod-a", SINGLE_NODE_SINGLE_WRITER, false);
            driver.publish(one, context, "pod-a", SINGLE_NODE_SINGLE_WRITER, false);
            var refused =
                    refusal(
                            () ->
                                    driver.publish(
                                            one,
                                            context,
                                            "pod-b",
                                            SINGLE_NODE_SINGLE_WRITER,
                                            false));
            assertThat(refused.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(refused.getDescription()).contains("pod-a");
            assertThat(
                            refusal(
                                            () ->
                                                    driver.publish(
                                                            one,
                                                            context,
                                                            "pod-a",
                                                            SINGLE_NODE_SINGLE_WRITER,
                                                            true))
                                    .getCode())
                    .isEqualTo(Status.Code.ALREADY_EXISTS);
            driver.unpublish(one, "pod-a");
            driver.unstage(one);
            driver.detach(one, NODE);
        }
    }

    /// A bind of the staging path has the mark of a staging too.
    @Test
    @DisplayName("17: a volume that is still mounted elsewhere on the node is not given to another")
    void aVolumeThatIsMountedBesideItsStagingIsNotUnstaged() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var id = driver.create("data");
            var staging =
                    driver.stage(
                            id, driver.attach(id, NODE, SINGLE_NODE_WRITER), SINGLE_NODE_WRITER);
            var backup = Files.createDirectory(folder.resolve("backup"));
            Command.run(
                    List.of("mount", "--bind", staging.toString(), backup.toString()),
                    Duration.ofSeconds(20));
            for (var tries = 0; tries < 2; tries++) {
                var refused =
                        refusal(
                                () -> {
                                    driver.unstage(id);
                                    return id;
                                });
                assertThat(refused.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
                assertThat(refused.getDescription())
                        .contains("also mounted on node " + NODE, backup.toString());
            }
            Mounts.unmount(backup);
            driver.unstage(id);
            driver.detach(id, NODE);
            driver.delete(id);
        }
    }

    @Test
    void aPodThatMovesToAnotherNodeFindsItsData() throws Exception {
        try (var driver = TestDriver.central(folder, NODE);
                var other = TestDriver.central(folder, "n2")) {
            var id = driver.create("data");
            var context = driver.attach(id, NODE, SINGLE_NODE_WRITER);
            driver.stage(id, context, SINGLE_NODE_WRITER);
            var target = driver.publish(id, context, "pod", SINGLE_NODE_WRITER, false);
            Files.writeString(target.resolve("rows"), "precious");
            driver.unpublish(id, "pod");
            driver.unstage(id);
            driver.detach(id, NODE);
            context = driver.attach(id, "n2", SINGLE_NODE_WRITER);
            other.stage(id, context, SINGLE_NODE_WRITER);
            target = other.publish(id, context, "pod", SINGLE_NODE_WRITER, true);
            assertThat(target.resolve("rows")).hasContent("precious");
            var rows = target.resolve("rows");
            assertThatThrownBy(() -> Files.writeString(rows, "changed"))
                    .hasMessageContaining("Read-only");
            other.unpublish(id, "pod");
            other.unstage(id);
            driver.detach(id, "n2");
            driver.delete(id);
        }
    }

    /// The kernel, not the driver, remembers what is mounted.
    @Test
    void aDriverThatWasRestartedGoesOnWhereItWas() throws Exception {
        String id;
        try (var driver = TestDriver.local(folder, NODE)) {
            id = driver.create("data");
            driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            var target = driver.publish(id, Map.of(), "pod", SINGLE_NODE_WRITER, false);
            Files.writeString(target.resolve("rows"), "precious");
        }
        var before = Files.readString(Path.of("/proc/self/mountinfo"), ISO_8859_1);
        try (var driver = TestDriver.local(folder, NODE)) {
            driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            driver.publish(id, Map.of(), "pod", SINGLE_NODE_WRITER, false);
            assertThat(
                            mountsBelowFolder(
                                    Files.readString(Path.of("/proc/self/mountinfo"), ISO_8859_1)))
                    .isEqualTo(mountsBelowFolder(before));
            var refused = refusal(() -> delete(driver, id));
            assertThat(refused.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            driver.unpublish(id, "pod");
            driver.unstage(id);
            driver.delete(id);
        }
    }

    /// Failure case 57.
    @Test
    void aRequestThatIsTooLargeFailsAlone() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var huge =
                    TestDriver.createRequest("data").toBuilder()
                            .putParameters("pool", "x".repeat(8 << 20))
                            .build();
            assertThat(refusal(() -> driver.controller().createVolume(huge)).getCode())
                    .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            var large = TestDriver.createRequest("y".repeat(1 << 20));
            assertThat(refusal(() -> driver.controller().createVolume(large)).getCode())
                    .isEqualTo(Status.Code.INVALID_ARGUMENT);
            driver.delete(driver.create("data"));
        }
    }

    private List<String> mountsBelowFolder(String mountinfo) {
        return mountinfo.lines().filter(line -> line.contains(folder.toString())).toList();
    }

    private static Object delete(TestDriver driver, String id) {
        return driver.controller()
                .deleteVolume(DeleteVolumeRequest.newBuilder().setVolumeId(id).build());
    }

    private static List<String> published(TestDriver driver, String id) {
        return driver.controller()
                .controllerGetVolume(
                        ControllerGetVolumeRequest.newBuilder().setVolumeId(id).build())
                .getStatus()
                .getPublishedNodeIdsList();
    }

    private static List<String> listed(TestDriver driver) {
        return driver
                .controller()
                .listVolumes(ListVolumesRequest.getDefaultInstance())
                .getEntriesList()
                .stream()
                .map(entry -> entry.getVolume().getVolumeId())
                .toList();
    }

    private static CreateVolumeRequest required(Topology... places) {
        return TestDriver.createRequest("data").toBuilder()
                .setAccessibilityRequirements(
                        TopologyRequirement.newBuilder().addAllRequisite(List.of(places)))
                .build();
    }
}
