package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.BlockMetadata;
import csi.v1.BlockMetadataType;
import csi.v1.CreateSnapshotRequest;
import csi.v1.DeleteSnapshotRequest;
import csi.v1.GetMetadataAllocatedRequest;
import csi.v1.GetMetadataDeltaRequest;
import csi.v1.GetMetadataDeltaResponse;
import csi.v1.GetPluginCapabilitiesRequest;
import csi.v1.PluginCapability.Service.Type;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.Status.Code;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// The SnapshotMetadata service as a backup sees it, of a volume on XFS of which every other block
/// of a stretch changed between two snapshots.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SnapshotMetadataTest {
    private static final long MIB = 1L << 20;
    private static final int BLOCK = 4096;
    private static final int CHANGED = 3500;
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private Optional<LoopFileSystem> disk = Optional.empty();
    private Optional<TestDriver> driver = Optional.empty();
    private String volume = "";
    private String base = "";
    private String target = "";

    @BeforeAll
    void makeTwoSnapshots(@TempDir(factory = TestFolder.class) Path folder) throws Exception {
        disk = Optional.of(LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, 600 * MIB));
        var pool = disk.get().mountPoint().resolve("ssd");
        driver =
                Optional.of(
                        TestDriver.start(
                                folder,
                                TestDriver.NODE,
                                "attach: false\npools:\n  ssd: {type: file, path: %s}\n"
                                        .formatted(pool)));
        volume = driver().create("v");
        var image = pool.resolve("volumes").resolve(volume).resolve("image");
        write(image, 1, 1, 2 * CHANGED);
        base = snapshot("base", volume);
        write(image, 2, 2, CHANGED);
        target = snapshot("target", volume);
    }

    @AfterAll
    void end() throws Exception {
        driver.ifPresent(TestDriver::close);
        if (disk.isPresent()) {
            disk.get().close();
        }
    }

    private TestDriver driver() {
        return driver.orElseThrow();
    }

    private String snapshot(String name, String of) {
        return driver().controller()
                .createSnapshot(
                        CreateSnapshotRequest.newBuilder()
                                .setName(name)
                                .setSourceVolumeId(of)
                                .build())
                .getSnapshot()
                .getSnapshotId();
    }

    private static void write(Path image, int value, int step, int count) throws IOException {
        var block = new byte[BLOCK];
        block[0] = (byte) value;
        try (var file = FileChannel.open(image, StandardOpenOption.WRITE)) {
            for (var i = 0L; i < count; i++) {
                var left = ByteBuffer.wrap(block);
                while (left.hasRemaining()) {
                    file.write(left, i * step * BLOCK + left.position());
                }
            }
        }
    }

    private GetMetadataDeltaRequest.Builder delta() {
        return GetMetadataDeltaRequest.newBuilder()
                .setBaseSnapshotId(base)
                .setTargetSnapshotId(target);
    }

    private List<GetMetadataDeltaResponse> answers(GetMetadataDeltaRequest.Builder request) {
        return all(driver().snapshotMetadata().getMetadataDelta(request.build()));
    }

    private static <T> List<T> all(Iterator<T> answers) {
        var list = new ArrayList<T>();
        answers.forEachRemaining(list::add);
        return list;
    }

    private static List<BlockMetadata> blocks(List<GetMetadataDeltaResponse> answers) {
        return answers.stream().flatMap(a -> a.getBlockMetadataList().stream()).toList();
    }

    @Test
    void theServiceIsAdvertised() {
        var capabilities =
                driver().identity()
                        .getPluginCapabilities(GetPluginCapabilitiesRequest.getDefaultInstance());
        assertThat(capabilities.getCapabilitiesList())
                .anyMatch(c -> c.getService().getType() == Type.SNAPSHOT_METADATA_SERVICE);
    }

    @Test
    void theChangedBlocksComeInMessagesOfOneKind() {
        var answers = answers(delta());
        assertThat(answers)
                .hasSizeGreaterThan(1)
                .allMatch(a -> a.getBlockMetadataType() == BlockMetadataType.VARIABLE_LENGTH)
                .allMatch(a -> a.getVolumeCapacityBytes() == 32 * MIB);
        var blocks = blocks(answers);
        assertThat(blocks).hasSize(CHANGED);
        for (var i = 0; i < CHANGED; i++) {
            assertThat(blocks.get(i).getByteOffset()).isEqualTo(2L * i * BLOCK);
            assertThat(blocks.get(i).getSizeBytes()).isEqualTo(BLOCK);
        }
    }

    @Test
    void noMessageHasMoreRangesThanAskedFor() {
        var answers = answers(delta().setMaxResults(9));
        assertThat(answers).allMatch(a -> a.getBlockMetadataCount() <= 9);
        assertThat(blocks(answers)).isEqualTo(blocks(answers(delta())));
    }

    @Test
    void anInterruptedListGoesOnWhereItEnded() {
        var whole = blocks(answers(delta()));
        var taken = blocks(List.of(answers(delta().setMaxResults(100)).getFirst()));
        assertThat(taken).hasSize(100);
        var end = taken.getLast().getByteOffset() + taken.getLast().getSizeBytes();
        assertThat(blocks(answers(delta().setStartingOffset(end))))
                .isEqualTo(whole.subList(100, whole.size()));
    }

    @Test
    void anEmptyListStillTellsTheVolumesSize() {
        var answers = answers(delta().setBaseSnapshotId(target));
        assertThat(answers).hasSize(1);
        assertThat(answers.getFirst().getVolumeCapacityBytes()).isEqualTo(32 * MIB);
        assertThat(blocks(answers)).isEmpty();
    }

    @Test
    void whatWasWrittenIsAllocated() {
        var answers =
                all(
                        driver().snapshotMetadata()
                                .getMetadataAllocated(
                                        GetMetadataAllocatedRequest.newBuilder()
                                                .setSnapshotId(base)
                                                .build()));
        assertThat(answers).hasSize(1);
        assertThat(answers.getFirst().getVolumeCapacityBytes()).isEqualTo(32 * MIB);
        assertThat(answers.getFirst().getBlockMetadataType())
                .isEqualTo(BlockMetadataType.VARIABLE_LENGTH);
        assertThat(answers.getFirst().getBlockMetadataList())
                .containsExactly(
                        BlockMetadata.newBuilder()
                                .setByteOffset(0)
                                .setSizeBytes(2L * CHANGED * BLOCK)
                                .build());
    }

    private Code refused(GetMetadataDeltaRequest.Builder request) throws Exception {
        return TestDriver.refusal(() -> answers(request)).getCode();
    }

    private Status refused(GetMetadataAllocatedRequest.Builder request) throws Exception {
        return TestDriver.refusal(
                () -> all(driver().snapshotMetadata().getMetadataAllocated(request.build())));
    }

    @Test
    void whatIsWrongWithARequestForADeltaIsSaid() throws Exception {
        assertThat(refused(delta().setBaseSnapshotId(""))).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(refused(delta().setTargetSnapshotId(""))).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(refused(delta().setMaxResults(-1))).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(refused(delta().setBaseSnapshotId("none"))).isEqualTo(Code.NOT_FOUND);
        var gone = target.substring(0, target.length() - 32) + "0".repeat(32);
        assertThat(refused(delta().setTargetSnapshotId(gone))).isEqualTo(Code.NOT_FOUND);
        assertThat(refused(delta().setStartingOffset(-1))).isEqualTo(Code.OUT_OF_RANGE);
        assertThat(refused(delta().setStartingOffset(32 * MIB + 1))).isEqualTo(Code.OUT_OF_RANGE);
        var other = driver().create("other");
        var ofOther = snapshot("of other", other);
        assertThat(refused(delta().setBaseSnapshotId(ofOther))).isEqualTo(Code.INVALID_ARGUMENT);
    }

    @Test
    void whatIsWrongWithARequestForAllocatedBlocksIsSaid() throws Exception {
        var request = GetMetadataAllocatedRequest.newBuilder();
        assertThat(refused(request).getCode()).isEqualTo(Code.INVALID_ARGUMENT);
        request.setSnapshotId("none");
        assertThat(refused(request).getCode()).isEqualTo(Code.NOT_FOUND);
        request.setSnapshotId(base).setStartingOffset(-1);
        assertThat(refused(request).getCode()).isEqualTo(Code.OUT_OF_RANGE);
        request.setStartingOffset(0).setMaxResults(-1);
        assertThat(refused(request).getCode()).isEqualTo(Code.INVALID_ARGUMENT);
    }

    @Test
    void aSnapshotThatIsNotReadyIsRefused() throws Exception {
        var unready = snapshot("unready", volume);
        var record =
                disk.orElseThrow()
                        .mountPoint()
                        .resolve("ssd/snapshots/%s/snapshot.json".formatted(unready));
        var text = Files.readString(record);
        Files.writeString(record, text.replaceAll("\"ready\" *: *true", "\"ready\":false"));
        var refused = refused(GetMetadataAllocatedRequest.newBuilder().setSnapshotId(unready));
        assertThat(refused.getCode()).isEqualTo(Code.FAILED_PRECONDITION);
        assertThat(refused.getDescription()).contains("not ready");
        Files.writeString(record, text);
    }

    /// More callers that leave than there are places: each place is free again.
    @Test
    void callersThatLeaveInTheMiddleMakeRoomForOthers() throws Exception {
        for (var i = 0; i < 40; i++) {
            var caller = Context.current().withCancellation();
            caller.run(
                    () ->
                            assertThat(
                                            driver().snapshotMetadata()
                                                    .getMetadataDelta(
                                                            delta().setMaxResults(1).build())
                                                    .next()
                                                    .getBlockMetadataCount())
                                    .isOne());
            caller.cancel(null);
            Polling.await("another is served", LIMIT, () -> served());
        }
    }

    private boolean served() {
        try {
            return blocks(answers(delta())).size() == CHANGED;
        } catch (io.grpc.StatusRuntimeException e) {
            return false;
        }
    }

    @Test
    void aSnapshotIsDeletedWhileItsBlocksAreListed() {
        var doomed = snapshot("doomed", volume);
        var list =
                driver().snapshotMetadata()
                        .getMetadataDelta(
                                delta().setTargetSnapshotId(doomed).setMaxResults(1).build());
        assertThat(list.next().getBlockMetadataCount()).isOne();
        var _ =
                driver().controller()
                        .deleteSnapshot(
                                DeleteSnapshotRequest.newBuilder().setSnapshotId(doomed).build());
        assertThat(blocks(all(list))).hasSize(CHANGED - 1);
    }
}
