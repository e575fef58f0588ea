package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.MULTI_NODE_READER_ONLY;
import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.LoopDevices;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.VolumeCommandRun;
import io.grpc.Status;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// `stowage volume import` and `export` beside the driver that has the pool, and what it then does
/// with the volumes.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class VolumeImportTest {
    @TempDir(factory = TestFolder.class)
    private Path folder;

    private VolumeCommandRun.Outcome volume(String command, String... more) {
        return new VolumeCommandRun(folder).volume(command, more);
    }

    private VolumeCommandRun.Outcome imported(Path source, String... more) {
        return new VolumeCommandRun(folder).imported(source, more);
    }

    private Path stored(String id) {
        return new VolumeCommandRun(folder).stored(id);
    }

    /// An image with one file in it.
    private Path image(LoopFileSystem.Kind kind) throws IOException {
        var made =
                LoopFileSystem.make(folder, "source", kind, Math.max(kind.leastBytes(), 64 * MIB));
        var kept = folder.resolve("disk.img");
        try (made) {
            Files.writeString(made.mountPoint().resolve("word"), "remembered");
            made.unmount();
            Files.createLink(kept, made.image());
        }
        return kept;
    }

    @ParameterizedTest
    @EnumSource
    void anImportedDiskIsUsedAsItIs(LoopFileSystem.Kind kind) throws Exception {
        try (var driver = TestDriver.local(folder, NODE)) {
            var manifest = imported(image(kind)).manifest();
            var id = manifest.at("/spec/csi/volumeHandle").textValue();
            assertThat(manifest.at("/spec/csi/fsType").textValue()).isEqualTo(kind.type());
            assertThat(manifest.at("/spec/capacity/storage").textValue())
                    .isEqualTo(String.valueOf(Files.size(stored(id))));
            driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            var pod = driver.publish(id, Map.of(), "pod", SINGLE_NODE_WRITER, false);
            assertThat(pod.resolve("word")).hasContent("remembered");
            Files.writeString(pod.resolve("more"), "written");
            driver.unpublish(id, "pod");
            driver.unstage(id);
            assertThat(imported(folder.resolve("disk.img")).id()).isEqualTo(id);
            driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            assertThat(driver.staging(id).resolve("more")).hasContent("written");
            driver.unstage(id);
            driver.delete(id);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDiskItselfIsImported(LoopFileSystem.Kind kind) throws Exception {
        try (var driver = TestDriver.local(folder, NODE)) {
            var disk = LoopDevices.attach(image(kind), "a disk to import", 512, false);
            try {
                var id = imported(disk.path()).id();
                driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
                assertThat(driver.staging(id).resolve("word")).hasContent("remembered");
                driver.unstage(id);
            } finally {
                LoopDevices.detach(disk);
            }
        }
    }

    /// It would be the folder that the command was started in.
    @Test
    void anEmptySourceIsRefused() throws Exception {
        try (var _ = TestDriver.local(folder, NODE)) {
            assertThat(imported(Path.of("")).refusal()).contains("IMAGE|FOLDER is empty: name");
            new VolumeCommandRun(folder).nothingWasMade();
        }
    }

    @Test
    void theManifestIsThatOfAVolumeOnThisNode() throws Exception {
        try (var _ = TestDriver.local(folder, NODE)) {
            var printed = imported(image(LoopFileSystem.Kind.EXT4));
            assertThat(printed.out())
                    .isEqualTo(
                            """
                            apiVersion: v1
                            kind: PersistentVolume
                            metadata:
                              name: orders
                              labels:
                                data: orders
                              annotations:
                                pv.kubernetes.io/provisioned-by: csi.stowage.dev
                            spec:
                              storageClassName: ""
                              capacity:
                                storage: "67108864"
                              accessModes: [ReadWriteOnce]
                              volumeMode: Filesystem
                              persistentVolumeReclaimPolicy: Retain
                              csi:
                                driver: csi.stowage.dev
                                volumeHandle: %s
                                fsType: ext4
                              nodeAffinity:
                                required:
                                  nodeSelectorTerms:
                                    - matchExpressions:
                                        - key: topology.csi.stowage.dev/node
                                          operator: In
                                          values: ["n1"]
                            """
                                    .formatted(printed.id()));
        }
    }

    /// Failure case 4.
    @Test
    void whatLooksBlankOrDamagedLaterIsNotFormatted() throws Exception {
        try (var driver = TestDriver.local(folder, NODE)) {
            var id = imported(image(LoopFileSystem.Kind.EXT4)).id();
            for (var zeros : List.of(8192, 64 << 20)) {
                try (var file = Files.newByteChannel(stored(id), StandardOpenOption.WRITE)) {
                    file.write(ByteBuffer.allocate(zeros));
                }
                var before = Arrays.hashCode(Files.readAllBytes(stored(id)));
                var refused = refusal(() -> driver.stage(id, Map.of(), SINGLE_NODE_WRITER));
                assertThat(refused.getCode()).isEqualTo(Status.Code.INTERNAL);
                assertThat(refused.getDescription()).contains("it is not formatted again");
                assertThat(Arrays.hashCode(Files.readAllBytes(stored(id)))).isEqualTo(before);
            }
        }
    }

    @Test
    void whatItHoldsDecidesAndNotWhatIsSaid() throws Exception {
        try (var _ = TestDriver.local(folder, NODE)) {
            var image = image(LoopFileSystem.Kind.EXT4);
            assertThat(imported(image, "--fs=xfs").err())
                    .contains("holds ext4: it can't be imported as xfs");
            assertThat(imported(image, "--fs=ext4", "--block").err()).contains("leave out --fs");
            assertThat(imported(folder.resolve("nothing")).err()).contains("there is no");
            assertThat(volume("import", image.toString(), "--name=Orders/1").err())
                    .contains("'Orders/1' is no name for a PersistentVolume");
            assertThat(folder.resolve("ssd/volumes")).isEmptyDirectory();
        }
    }

    @Test
    void aRawImageKeepsItsLengthAndHasNoFileSystem() throws Exception {
        try (var _ = TestDriver.local(folder, NODE)) {
            var image = Files.write(folder.resolve("disk.img"), new byte[3 * 512 + 1]);
            var manifest = imported(image, "--block").manifest();
            assertThat(manifest.at("/spec/capacity/storage").textValue()).isEqualTo("2048");
            assertThat(manifest.at("/spec/volumeMode").textValue()).isEqualTo("Block");
            assertThat(manifest.at("/spec/csi").has("fsType")).isFalse();
        }
    }

    /// On a shared pool, by two nodes at once, and by nobody for writing.
    @Test
    void anImportedVolumeIsReadByManyNodes() throws Exception {
        try (var driver = TestDriver.central(folder, NODE);
                var other = TestDriver.central(folder, "n2")) {
            var manifest =
                    imported(image(LoopFileSystem.Kind.EXT4), "--access-mode=ReadOnlyMany")
                            .manifest();
            var id = manifest.at("/spec/csi/volumeHandle").textValue();
            assertThat(manifest.at("/spec/csi/readOnly").booleanValue()).isTrue();
            assertThat(manifest.at("/spec/accessModes/0").textValue()).isEqualTo("ReadOnlyMany");
            assertThat(
                            manifest.at(
                                            "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/key")
                                    .textValue())
                    .isEqualTo("topology.csi.stowage.dev/pool-" + id.substring(4, 12));
            var context = driver.attach(id, NODE, MULTI_NODE_READER_ONLY);
            assertThat(other.attach(id, "n2", MULTI_NODE_READER_ONLY)).isNotEmpty();
            driver.stage(id, context, MULTI_NODE_READER_ONLY);
            var pod = driver.publish(id, context, "pod", MULTI_NODE_READER_ONLY, true);
            assertThat(pod.resolve("word")).hasContent("remembered");
            assertThatThrownBy(() -> Files.writeString(pod.resolve("word"), "changed"))
                    .hasMessageContaining("Read-only file system");
            assertThat(volume("export", id, folder.resolve("copy.img").toString()).code()).isZero();
            driver.unpublish(id, "pod");
            driver.unstage(id);
        }
    }

    @Test
    void anImportWithoutRoomSaysSoAndLeavesNothing() throws Exception {
        try (var _ = TestDriver.local(folder, NODE)) {
            var outcome = imported(image(LoopFileSystem.Kind.EXT4), "--size=8Pi");
            assertThat(outcome.code()).isEqualTo(1);
            assertThat(outcome.err()).contains("unreserved bytes").doesNotContain("\tat ");
            assertThat(folder.resolve("ssd/volumes")).isEmptyDirectory();
            assertThat(folder.resolve("ssd/.incoming")).isEmptyDirectory();
        }
    }

    @Test
    void whatAPodWritesToIsNotExported() throws Exception {
        var copy = folder.resolve("copy.img").toString();
        try (var driver = TestDriver.local(folder, NODE)) {
            var id = driver.create("data");
            driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            Files.writeString(driver.staging(id).resolve("word"), "remembered");
            var outcome = volume("export", id, copy);
            assertThat(outcome.code()).isEqualTo(1);
            assertThat(outcome.err()).contains("in use on this machine").contains("end the pods");
            driver.unstage(id);
            assertThat(volume("export", "data", copy).code()).isZero();
            var again = imported(Path.of(copy)).id();
            driver.stage(again, Map.of(), SINGLE_NODE_WRITER);
            assertThat(driver.staging(again).resolve("word")).hasContent("remembered");
            driver.unstage(again);
        }
    }

    /// Failure case 36: killed as it enters any step, an import is finished by its repetition.
    @ParameterizedTest
    @ValueSource(
            strings = {"fallocate:when=1", "pwrite64:when=24", "renameat2:when=1", "fsync:when=6"})
    void anImportThatIsKilledIsFinishedByTheNext(String step) throws Exception {
        var image = image(LoopFileSystem.Kind.EXT4);
        try (var driver = TestDriver.local(folder, NODE)) {
            assertThat(KilledImport.at(step, image, folder)).isEqualTo(128 + 9);
            var id = imported(image).id();
            assertThat(stored(id)).hasSameBinaryContentAs(image);
            assertThat(folder.resolve("ssd/.incoming")).isEmptyDirectory();
            assertThat(folder.resolve("ssd/.drivers")).isEmptyDirectory();
            driver.delete(id);
        }
    }
}
