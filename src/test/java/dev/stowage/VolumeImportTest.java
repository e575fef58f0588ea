package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.MULTI_NODE_READER_ONLY;
import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.TestDriver.MIB;
import static dev.stowage.TestDriver.NODE;
import static dev.stowage.TestDriver.refusal;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.stowage.linux.Command;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
    private static final YAMLMapper YAML = new YAMLMapper();

    @TempDir(factory = TestFolder.class)
    private Path folder;

    /// What a command printed, and how it ended.
    private record Outcome(int code, String out, String err) {
        JsonNode manifest() throws IOException {
            assertThat(code).as(err).isZero();
            return YAML.readTree(out);
        }

        String id() throws IOException {
            return manifest().at("/spec/csi/volumeHandle").textValue();
        }
    }

    private Outcome volume(String command, String... more) {
        var arguments =
                new ArrayList<>(
                        List.of(
                                "volume",
                                command,
                                "--config",
                                folder.resolve(NODE + ".yaml").toString(),
                                "--pool=ssd",
                                "--node-id=" + NODE));
        arguments.addAll(List.of(more));
        var out = new StringWriter();
        var err = new StringWriter();
        var code =
                Main.commandLine()
                        .setOut(new PrintWriter(out))
                        .setErr(new PrintWriter(err))
                        .execute(arguments.toArray(String[]::new));
        return new Outcome(code, out.toString(), err.toString());
    }

    private Outcome imported(Path source, String... more) {
        var arguments = new ArrayList<>(List.of(source.toString(), "--name=orders"));
        arguments.addAll(List.of(more));
        return volume("import", arguments.toArray(String[]::new));
    }

    private Path stored(String id) {
        return folder.resolve("ssd/volumes").resolve(id).resolve("image");
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
    @ParameterizedTest
    @ValueSource(strings = {"blank", "damaged"})
    void whatLooksBlankOrDamagedIsNotFormatted(String how) throws Exception {
        var image =
                how.equals("blank")
                        ? LoopFileSystem.sparseFile(folder.resolve("disk.img"), 64 * MIB)
                        : image(LoopFileSystem.Kind.EXT4);
        if (how.equals("damaged")) {
            try (var file = Files.newByteChannel(image, StandardOpenOption.WRITE)) {
                file.write(ByteBuffer.allocate(8192));
            }
        }
        try (var driver = TestDriver.local(folder, NODE)) {
            assertThat(imported(image).err())
                    .contains("holds no file system that can be mounted")
                    .contains("--block");
            var id = imported(image, "--fs=ext4").id();
            for (var tries = 0; tries < 2; tries++) {
                var refused = refusal(() -> driver.stage(id, Map.of(), SINGLE_NODE_WRITER));
                assertThat(refused.getCode()).isEqualTo(Status.Code.INTERNAL);
                assertThat(refused.getDescription()).contains("it is not formatted again");
            }
            assertThat(stored(id)).hasSameBinaryContentAs(image);
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

    @ParameterizedTest
    @ValueSource(strings = {"ext4", "ext3", "btrfs"})
    void aFolderBecomesAVolumeWithAllThatItHolds(String fileSystem) throws Exception {
        var source = Files.createDirectory(folder.resolve("atlas"));
        var maps = Files.createDirectory(source.resolve("maps"));
        var file = Files.writeString(maps.resolve("north"), "cold".repeat(100_000));
        Files.setAttribute(file, "unix:uid", 4711);
        Files.setAttribute(file, "unix:gid", 4712);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r-x-w---x"));
        Files.createSymbolicLink(maps.resolve("pole"), Path.of("north"));
        Files.createLink(maps.resolve("again"), file);
        attributes(file).write("colour", UTF_8.encode("white"));
        Files.setAttribute(source, "unix:uid", 4713);
        try (var driver = TestDriver.local(folder, NODE)) {
            var id = imported(source, "--fs=" + fileSystem).id();
            var staged = driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            var north = staged.resolve("maps/north");
            assertThat(north).hasSameBinaryContentAs(file);
            assertThat(Files.readAttributes(north, "unix:uid,gid,mode,nlink"))
                    .isEqualTo(Files.readAttributes(file, "unix:uid,gid,mode,nlink"));
            assertThat(Files.getLastModifiedTime(north).toInstant().getEpochSecond())
                    .isEqualTo(Files.getLastModifiedTime(file).toInstant().getEpochSecond());
            assertThat(Files.readSymbolicLink(staged.resolve("maps/pole")))
                    .isEqualTo(Path.of("north"));
            assertThat(Files.isSameFile(north, staged.resolve("maps/again"))).isTrue();
            var colour = ByteBuffer.allocate(16);
            attributes(north).read("colour", colour);
            assertThat(UTF_8.decode(colour.flip()).toString()).isEqualTo("white");
            if (!fileSystem.equals("btrfs")) {
                assertThat(Files.getAttribute(staged, "unix:uid")).isEqualTo(4713);
            }
            driver.unstage(id);
            assertThat(Command.run(check(fileSystem, stored(id)), Duration.ofMinutes(1)).exitCode())
                    .isZero();
            driver.delete(id);
        }
    }

    private static List<String> check(String fileSystem, Path image) {
        return fileSystem.equals("btrfs")
                ? List.of("btrfs", "check", "--readonly", image.toString())
                : List.of("fsck." + fileSystem, "-f", "-n", image.toString());
    }

    private static UserDefinedFileAttributeView attributes(Path file) {
        return Objects.requireNonNull(
                Files.getFileAttributeView(file, UserDefinedFileAttributeView.class));
    }

    @Test
    void anXfsIsNotMadeOfAFolder() throws Exception {
        try (var _ = TestDriver.local(folder, NODE)) {
            var source = Files.createDirectory(folder.resolve("atlas"));
            assertThat(imported(source, "--fs=xfs").err()).contains("use ext4 or btrfs");
        }
    }

    @Test
    void anImportWithoutRoomSaysSoAndLeavesNothing() throws Exception {
        try (var _ = TestDriver.local(folder, NODE)) {
            var outcome = imported(image(LoopFileSystem.Kind.EXT4), "--size=8Pi");
            assertThat(outcome.code()).isEqualTo(1);
            assertThat(outcome.err()).contains("the pool can promise").doesNotContain("\tat ");
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
            assertThat(killedImport(image, step)).isEqualTo(128 + 9);
            var id = imported(image).id();
            assertThat(stored(id)).hasSameBinaryContentAs(image);
            assertThat(folder.resolve("ssd/.incoming")).isEmptyDirectory();
            assertThat(folder.resolve("ssd/.drivers")).isEmptyDirectory();
            driver.delete(id);
        }
    }

    private int killedImport(Path image, String step) throws Exception {
        var call = step.split(":")[0];
        var command =
                List.of(
                        "strace",
                        "-f",
                        "-qq",
                        "-o",
                        "/dev/null",
                        "-e",
                        "trace=" + call,
                        "--inject=" + step.replace(":when", ":signal=KILL:when"),
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-XX:-UsePerfData",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "dev.stowage.Main",
                        "volume",
                        "import",
                        image.toString(),
                        "--name=orders",
                        "--pool=ssd",
                        "--node-id=somewhere",
                        "--config=" + folder.resolve(NODE + ".yaml"));
        var process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("import.log").toFile())
                        .start();
        return process.waitFor();
    }
}
