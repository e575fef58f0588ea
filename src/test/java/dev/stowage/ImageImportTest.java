package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.LoopFileSystem.sparseFile;
import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.stowage.linux.Command;
import dev.stowage.linux.LoopDevices;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.LoopFileSystem.Kind;
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
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 69: `stowage volume import` makes no volume of what could never be used as one.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class ImageImportTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private Path image = Path.of("/");

    private VolumeCommandRun run = new VolumeCommandRun(Path.of("/"));

    @BeforeEach
    void inFolder() {
        image = folder.resolve("disk.img");
        run = new VolumeCommandRun(folder);
    }

    private static void program(String... argv) throws IOException {
        Command.run(List.of(argv), LIMIT);
    }

    private void mkfs(Kind kind) throws IOException {
        kind.format(sparseFile(image, Math.max(kind.leastBytes(), 64 * MIB)));
    }

    /// What is refused whatever file system is asked for, and leaves nothing.
    private String refused(String... more) throws IOException {
        var words = run.imported(image, more).refusal();
        assertThat(words).contains(image.toString());
        run.nothingWasMade();
        return words;
    }

    @ParameterizedTest
    @CsvSource({
        "qcow2, a qcow2 disk image",
        "vmdk, a VMDK disk image",
        "vdi, a VDI disk image",
        "vhdx, a VHDX disk image",
        "vpc, a VHD disk image",
        "qed, a QED disk image",
        "parallels, a Parallels disk image"
    })
    void aPackedDiskImageIsRefusedWithTheCommandThatUnpacksIt(String format, String name)
            throws Exception {
        mkfs(Kind.EXT4);
        var raw = Files.move(image, folder.resolve("raw"));
        program("qemu-img", "convert", "-f", "raw", "-O", format, raw + "", image + "");
        try (var _ = TestDriver.local(folder, NODE)) {
            var advice = "qemu-img convert -O raw %1$s %1$s.raw".formatted(image);
            assertThat(refused()).contains(name).contains(advice).doesNotContain("--block");
            assertThat(refused("--fs=ext4")).contains(name).contains(advice);
            assertThat(refused("--block")).contains(name).contains(advice).contains("--as-is");
            program(advice.split(" "));
            run.imported(Path.of(image + ".raw")).id();
        }
    }

    @Test
    void aVhdOfFixedSizeIsRefusedThoughItBeginsLikeTheDisk() throws Exception {
        mkfs(Kind.EXT4);
        var raw = Files.move(image, folder.resolve("raw"));
        program("qemu-img", "convert", "-O", "vpc", "-o", "subformat=fixed", raw + "", image + "");
        try (var _ = TestDriver.local(folder, NODE)) {
            assertThat(refused()).contains("ext4").contains("a VHD disk image");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "gzip -k, .gz, gzip data",
        "bzip2 -k, .bz2, bzip2 data",
        "xz -k, .xz, xz data",
        "zstd -q -k, .zst, zstd data",
        "lz4 -q -m, .lz4, lz4 data",
        "zip -q raw.zip, .zip, a zip archive",
        "tar -cf raw.tar, .tar, a tar archive"
    })
    void aPackedFileIsRefusedWithTheCommandThatUnpacksIt(String packer, String suffix, String name)
            throws Exception {
        var raw = Files.writeString(folder.resolve("raw"), "word".repeat(3000));
        program("sh", "-c", "cd %s && %s raw".formatted(folder, packer));
        Files.move(Path.of(raw + suffix), image);
        try (var _ = TestDriver.local(folder, NODE)) {
            var words = refused();
            assertThat(words).contains(name).contains("unpack it (").doesNotContain("--block");
            assertThat(refused("--fs=xfs")).contains(name);
            assertThat(refused("--block")).contains(name);
            var command = words.substring(words.indexOf('(') + 1, words.lastIndexOf(')'));
            if (command.contains(">")) {
                program("sh", "-c", command);
                assertThat(Path.of(image + ".raw")).hasSameBinaryContentAs(raw);
            }
            var id = run.imported(image, "--block", "--as-is").id();
            assertThat(Arrays.copyOf(Files.readAllBytes(run.stored(id)), (int) Files.size(image)))
                    .isEqualTo(Files.readAllBytes(image));
        }
    }

    @Test
    void theCommandThatUnpacksIsOneForAShell() throws Exception {
        image = folder.resolve("it's a disk.img");
        program("sh", "-c", "echo word | gzip > \"$0\"", image + "");
        try (var _ = TestDriver.local(folder, NODE)) {
            var words = refused();
            program("sh", "-c", words.substring(words.indexOf('(') + 1, words.lastIndexOf(')')));
            assertThat(Path.of(image + ".raw")).hasContent("word\n");
        }
    }

    @Test
    void whatIsUnknownBecomesABlockVolumeOnlyOnRequest() throws Exception {
        var bytes = new byte[(int) MIB];
        Arrays.fill(bytes, (byte) 0xa5);
        Files.write(image, bytes);
        try (var _ = TestDriver.local(folder, NODE)) {
            assertThat(refused())
                    .contains("no file system that can be mounted")
                    .contains("--block");
            for (var type : List.of("ext4", "ext3", "xfs", "btrfs")) {
                assertThat(refused("--fs=" + type)).contains("it can't be imported as " + type);
            }
            assertThat(run.imported(image, "--as-is").refusal()).contains("add --block");
            var id = run.imported(image, "--block").id();
            assertThat(run.stored(id)).hasSameBinaryContentAs(image);
        }
    }

    @Test
    void anExtWithoutItsFirstSuperblockIsNamed() throws Exception {
        mkfs(Kind.EXT4);
        try (var file = Files.newByteChannel(image, StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.allocate(2048));
        }
        try (var _ = TestDriver.local(folder, NODE)) {
            assertThat(refused()).contains("fsck.ext4 -b");
            assertThat(refused("--fs=ext4")).contains("fsck.ext4 -b");
        }
    }

    /// Makes an image that the kernel refuses to mount.
    private void unmountable(String how) throws IOException {
        var other = folder.resolve("other.img");
        switch (how) {
            case "xfs of version 4" ->
                    program("mkfs.xfs", "-q", "-m", "crc=0", sparseFile(image, 320 * MIB) + "");
            case "external log" -> {
                sparseFile(image, 320 * MIB);
                var log = LoopDevices.attach(sparseFile(other, 64 * MIB), "test", 512, false);
                try {
                    program("mkfs.xfs", "-q", "-l", "logdev=" + log.path(), image + "");
                } finally {
                    LoopDevices.detach(log);
                }
            }
            case "external journal" -> {
                var size = "-b4096";
                var log = LoopDevices.attach(sparseFile(other, 64 * MIB), "test", 512, false);
                try {
                    program("mke2fs", "-q", "-F", size, "-O", "journal_dev", log.path() + "");
                    sparseFile(image, 64 * MIB);
                    program("mkfs.ext4", "-q", size, "-J", "device=" + log.path(), image + "");
                } finally {
                    LoopDevices.detach(log);
                }
            }
            case "two devices" ->
                    program(
                            "mkfs.btrfs",
                            "-q",
                            sparseFile(image, 200 * MIB) + "",
                            sparseFile(other, 200 * MIB) + "");
            case "unknown feature" -> {
                mkfs(Kind.EXT4);
                program("debugfs", "-w", "-R", "feature +FEATURE_I20", image + "");
            }
            case "unfinished xfs" -> {
                mkfs(Kind.XFS);
                try (var file = Files.newByteChannel(image, StandardOpenOption.WRITE)) {
                    file.position(126).write(ByteBuffer.wrap(new byte[] {1}));
                }
            }
            default -> throw new IllegalArgumentException(how);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "xfs of version 4, xfs, V4",
        "external log, xfs, the log of the xfs lies on another device",
        "external journal, ext4, the journal of the ext4 lies on another device",
        "two devices, btrfs, lies on 2 devices",
        "unknown feature, ext4, unsupported optional features (100000)",
        "unfinished xfs, xfs, mkfs.xfs did not finish"
    })
    void aFileSystemThatTheKernelCannotMountIsRefused(String how, String type, String why)
            throws Exception {
        unmountable(how);
        try (var _ = TestDriver.local(folder, NODE)) {
            assertThat(refused()).contains(why);
            assertThat(refused("--fs=" + type)).contains(why);
            assertThat(run.imported(image, "--block").code()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFileSystemThatIsCutShortIsRefusedWithBothSizes(Kind kind) throws Exception {
        mkfs(kind);
        var whole = Files.size(image);
        try (var file = Files.newByteChannel(image, StandardOpenOption.WRITE)) {
            file.truncate(whole - MIB);
        }
        try (var _ = TestDriver.local(folder, NODE)) {
            var words = refused();
            assertThat(words).contains(String.valueOf(whole)).contains("cut short");
            assertThat(words).contains(String.valueOf(whole - MIB));
            assertThat(refused("--size=1Gi")).contains("cut short");
        }
    }

    /// mkfs.ext4 leaves the superblock of the btrfs that was there before.
    @Test
    void ofTwoFileSystemsThePersonSaysWhichOneCounts() throws Exception {
        sparseFile(image, 200 * MIB);
        Kind.BTRFS.format(image);
        var device = LoopDevices.attach(image, "test", 512, false);
        try {
            program(
                    "mkfs.ext4",
                    "-q",
                    "-F",
                    "-E",
                    "nodiscard",
                    "-O",
                    "^resize_inode",
                    device.path() + "");
        } finally {
            LoopDevices.detach(device);
        }
        try (var driver = TestDriver.local(folder, NODE)) {
            assertThat(refused())
                    .contains("signatures of btrfs and ext4")
                    .contains("--fs btrfs or --fs ext4");
            assertThat(refused("--fs=xfs")).contains("it can't be imported as xfs");
            var id = run.imported(image, "--fs=ext4").id();
            Files.writeString(driver.stage(id, Map.of(), SINGLE_NODE_WRITER).resolve("word"), "x");
            driver.unstage(id);
            driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            assertThat(driver.staging(id).resolve("word")).hasContent("x");
            driver.unstage(id);
        }
    }

    @Test
    void aFileSystemWithAPartitionTableAroundItIsInDoubt() throws Exception {
        mkfs(Kind.EXT4);
        try (var file = Files.newByteChannel(image, StandardOpenOption.WRITE)) {
            file.position(510).write(ByteBuffer.wrap(new byte[] {0x55, (byte) 0xaa}));
        }
        try (var _ = TestDriver.local(folder, NODE)) {
            assertThat(refused()).contains("ext4 and a partition table").contains("--fs ext4");
            run.imported(image, "--fs=ext4").id();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mkfifo", "mknod -m 600 %s c 1 5", "socket"})
    void whatIsNeitherFileNorDiskIsRefusedAtOnce(String how) throws Exception {
        if (how.equals("socket")) {
            program(
                    "python3",
                    "-c",
                    "import socket; socket.socket(socket.AF_UNIX).bind('%s')".formatted(image));
        } else if (how.contains("%s")) {
            program(how.formatted(image).split(" "));
        } else {
            program(how, image + "");
        }
        try (var _ = TestDriver.local(folder, NODE)) {
            for (var more : List.of("--fs=ext4", "--block", "--size=1Gi")) {
                assertThat(assertTimeoutPreemptively(LIMIT, () -> refused(more)))
                        .contains("neither a file nor a disk nor a folder");
            }
        }
    }

    /// As a copy of a disk has it that was in use: the journal is replayed when it is staged, not
    /// by the import.
    @ParameterizedTest
    @EnumSource
    void anImageThatWasNotUnmountedIsImportedUnchanged(Kind kind) throws Exception {
        try (var made = LoopFileSystem.make(folder, "source", kind, 320 * MIB)) {
            var file = Files.writeString(made.mountPoint().resolve("word"), "remembered");
            program("sync", file + "");
            program("cp", "--sparse=always", made.image() + "", image + "");
            try (var driver = TestDriver.local(folder, NODE)) {
                var id = run.imported(image).id(); // also beside its source, which is mounted
                assertThat(run.stored(id)).hasSameBinaryContentAs(image);
                Files.writeString(made.mountPoint().resolve("more"), "written");
                var staged = driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
                assertThat(staged.resolve("word")).hasContent("remembered");
                driver.unstage(id);
            }
        }
    }

    /// The device and the mount of the try go with the process ([NothingLeftBehind] looks).
    @ParameterizedTest
    @ValueSource(strings = {"fsmount:when=1", "fsconfig:when=3", "fsync:when=1"})
    void anImportThatIsKilledWhileItTriesToMountLeavesNothing(String step) throws Exception {
        mkfs(Kind.EXT4);
        try (var _ = TestDriver.local(folder, NODE)) {
            assertThat(KilledImport.at(step, image, folder)).isEqualTo(128 + 9);
            var id = run.imported(image).id();
            assertThat(run.stored(id)).hasSameBinaryContentAs(image);
        }
    }

    /// What a pod's event shows when the volume went bad later.
    @ParameterizedTest
    @CsvSource({
        "xfs of version 4, xfs, V4 format",
        "unknown feature, ext4, unsupported optional features (100000)",
        "external log, xfs, the log of the xfs lies on another device",
        "two devices, btrfs, lies on 2 devices"
    })
    void aMountThatFailsNamesVolumeCauseAndNextStep(String how, String type, String why)
            throws Exception {
        try (var driver = TestDriver.local(folder, NODE)) {
            mkfs(Kind.valueOf(type.toUpperCase(Locale.ROOT)));
            var more = type.equals("ext4") ? "--size=1" : "--size=400Mi";
            var id = run.imported(image, more).id();
            Files.delete(image);
            unmountable(how);
            var size = Files.size(run.stored(id));
            try (var from = Files.newByteChannel(image, StandardOpenOption.READ);
                    var to = Files.newByteChannel(run.stored(id), StandardOpenOption.WRITE)) {
                var bytes = ByteBuffer.allocate((int) from.size());
                while (bytes.hasRemaining() && from.read(bytes) > 0) {}
                to.write(bytes.flip());
            }
            assertThat(Files.size(run.stored(id))).isEqualTo(size);
            var refused = refusal(() -> driver.stage(id, Map.of(), SINGLE_NODE_WRITER));
            assertThat(refused.getCode()).isEqualTo(Status.Code.INTERNAL);
            assertThat(refused.getDescription())
                    .contains("volume " + id + " can't be mounted")
                    .contains(why)
                    .containsAnyOf("copy", "by hand");
        }
    }
}
