package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.NODE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.Command;
import dev.stowage.linux.Mounts;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.VolumeCommandRun;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 75: `stowage volume import` of a folder.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class FolderImportTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /// One of each kind, with all that it can have beside its content.
    private static final String TREE =
            """
            set -eu
            mkdir maps empty
            printf cold > maps/north
            chown 4711:4712 maps/north
            chmod 4751 maps/north
            ln maps/north maps/again
            ln maps/north "$(printf 'latin-\\366')"
            ln -s north maps/pole
            ln -s /nowhere/at/all dangling
            chown -h 4713:4714 maps/pole
            setfattr -n user.colour -v white maps/north
            setfattr -n trusted.owner -v us maps
            setfattr -h -n trusted.link -v us maps/pole
            setfacl -m u:4715:rwx,g:4716:r maps/north
            setfacl -d -m u:4717:rx maps
            printf tool > tool
            setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 tool
            mknod null c 1 3
            mknod far b 259 70000
            mknod -m 640 pipe p
            truncate -s 1G sparse
            printf end | dd of=sparse bs=1M seek=700 conv=notrunc status=none
            python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('socket')"
            touch -h -d '2001-02-03 04:05:06.123456789' maps/pole dangling
            touch -d '2002-02-03 04:05:06.987654321' null far pipe sparse empty tool
            touch -a -d '2003-02-03 04:05:06.111222333' maps/north
            touch -m -d '1965-02-03 04:05:06.444555666' maps/north
            touch -d '2004-02-03 04:05:06.222333444' maps
            chown 4718:4719 .
            chmod 2750 .
            setfattr -n user.top -v yes .
            touch -d '2005-02-03 04:05:06.333444555' .
            """;

    /// All that stat(2) and the extended attributes say; of folders, not what each file system has
    /// in its own way, and not when they were listed.
    private static final String LISTING =
            """
            find . -name lost+found -prune -o -name socket -prune -o \
              \\( -type d -printf '%P %y %m %U %G %T@\\n' \\) -o \
              \\( -type f -printf '%P %y %m %U %G %T@ %A@ %n %s\\n' \\) -o \
              -printf '%P %y %m %U %G %T@ %n %l\\n' | sort
            stat -c '%n %t %T' null far
            find . -name lost+found -prune -o -name socket -o -print0 | sort -z |
              xargs -0 getfattr -h -d -e hex -m '^user|^security|^system|^trusted.[ol]'
            """;

    private static final String CONTENT = "cat maps/north tool; tail -c 400M sparse | sha256sum";

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private VolumeCommandRun run = new VolumeCommandRun(Path.of("/"));
    private Path source = Path.of("/");

    @BeforeEach
    void inFolder() throws IOException {
        run = new VolumeCommandRun(folder);
        source = Files.createDirectory(folder.resolve("atlas"));
    }

    private static String shell(Path where, String script) throws IOException {
        var argv = List.of("bash", "-c", "cd '%s'\n%s".formatted(where, script));
        return Command.run(argv, LIMIT).stdout();
    }

    @ParameterizedTest
    @ValueSource(strings = {"ext4", "ext3", "xfs", "btrfs"})
    void aFolderBecomesAVolumeWithAllThatItHolds(String fileSystem) throws Exception {
        shell(source, TREE);
        var there = shell(source, LISTING);
        assertThat(there).contains(".987654321").contains("security.capability").contains("acl");
        try (var driver = TestDriver.local(folder, NODE)) {
            var id = run.imported(source, "--fs=" + fileSystem).id();
            var staged = driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            assertThat(shell(staged, LISTING)).isEqualTo(there);
            assertThat(shell(staged, CONTENT)).isEqualTo(shell(source, CONTENT));
            assertThat(staged.resolve("socket")).doesNotExist();
            assertThat(allocated(staged.resolve("sparse"))).isLessThan(16 * MIB);
            driver.unstage(id);
            shell(folder, check(fileSystem, run.stored(id)));
            driver.delete(id);
        }
    }

    /// It is one that ext4 and btrfs can store.
    @Test
    void aDeviceNumberThatXfsCanNotStoreIsNamedWithItsFile() throws Exception {
        shell(source, "mkdir maps; mknod maps/far c 511 1048575");
        try (var _ = TestDriver.local(folder, NODE)) {
            assertThat(run.imported(source, "--fs=xfs").refusal())
                    .contains(
                            "the device file %s/maps/far has the number 511:1048575, which the new file system can't store: take the file away"
                                    .formatted(source));
            run.nothingWasMade();
            assertThat(run.imported(source, "--fs=ext4").code()).isZero();
        }
    }

    private static long allocated(Path file) throws IOException {
        return Long.parseLong(
                        Command.run(List.of("stat", "-c", "%b", file + ""), LIMIT).stdout().strip())
                * 512;
    }

    private static String check(String fileSystem, Path image) {
        return switch (fileSystem) {
            case "btrfs" -> "btrfs check --readonly " + image;
            case "xfs" -> "xfs_repair -n -f " + image;
            default -> "fsck.%s -f -n %s".formatted(fileSystem, image);
        };
    }

    /// A gigabyte of holes needs no gigabyte, and a file with many names counts once.
    @Test
    void theVolumeIsAsLargeAsWhatThereIsToCopy() throws Exception {
        shell(source, "truncate -s 1T sparse; head -c 64M /dev/zero > data; ln data a; ln data b");
        try (var _ = TestDriver.local(folder, NODE)) {
            var manifest = run.imported(source).manifest();
            assertThat(manifest.at("/spec/capacity/storage").asLong())
                    .isBetween(208 * MIB, 212 * MIB);
        }
    }

    /// How a folder that is to be imported and the pool's meet; each answers the folder.
    private Path meeting(String how) throws IOException {
        var pool = folder.resolve("ssd");
        return switch (how) {
            case "contains" -> folder;
            case "equals" -> pool;
            case "lies inside" -> pool.resolve("volumes");
            case "symlink" -> Files.createSymbolicLink(source.resolve("link"), folder);
            case "bind around" -> bound(folder, source);
            case "bind inside" -> bound(pool.resolve("volumes"), source);
            case "bind below" -> {
                bound(pool, Files.createDirectories(source.resolve("a/b")));
                yield source;
            }
            default -> throw new IllegalArgumentException(how);
        };
    }

    private static Path bound(Path from, Path to) throws IOException {
        Mounts.bind(from, to, Set.of());
        return to;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "contains",
                "equals",
                "lies inside",
                "symlink",
                "bind around",
                "bind inside",
                "bind below"
            })
    void aFolderThatMeetsThePoolIsRefusedBeforeAnythingIsCopied(String how) throws Exception {
        try (var _ = TestDriver.local(folder, NODE)) {
            var meeting = meeting(how);
            try {
                assertThat(run.imported(meeting).refusal())
                        .contains(meeting.toString())
                        .contains("contains the pool's folder " + folder.resolve("ssd"));
            } finally {
                if (how.startsWith("bind")) {
                    Mounts.unmount(how.endsWith("below") ? source.resolve("a/b") : source);
                }
            }
            run.nothingWasMade();
        }
    }

    @Test
    void aFolderBesideThePoolIsImportedWithWhatIsMountedInIt() throws Exception {
        var other = Files.createDirectory(folder.resolve("other"));
        Files.writeString(other.resolve("word"), "remembered");
        bound(other, Files.createDirectory(source.resolve("below")));
        try (var driver = TestDriver.local(folder, NODE)) {
            var id = run.imported(source).id();
            driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            assertThat(driver.staging(id).resolve("below/word")).hasContent("remembered");
            driver.unstage(id);
        } finally {
            Mounts.unmount(source.resolve("below"));
        }
    }

    @Test
    void aFileThatIsWrittenToMeanwhileStopsTheImport() throws Exception {
        var file = source.resolve("log");
        shell(source, "head -c 64M /dev/urandom > log");
        try (var _ = TestDriver.local(folder, NODE);
                var log = Files.newByteChannel(file, StandardOpenOption.APPEND)) {
            var writer =
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        while (!Thread.interrupted()) {
                                            write(log);
                                        }
                                    });
            try {
                assertThat(run.imported(source, "--size=4Gi").refusal())
                        .contains(file + " was written to while it was copied");
            } finally {
                writer.interrupt();
                writer.join();
            }
            run.nothingWasMade();
        }
    }

    private static void write(WritableByteChannel to) {
        try {
            to.write(ByteBuffer.wrap(new byte[] {1}));
        } catch (IOException e) {
            Thread.currentThread().interrupt();
        }
    }

    /// Failure case 36. The device and the mount go with the process, and the next import clears
    /// the rest.
    @ParameterizedTest
    @ValueSource(
            strings = {"getdents64:when=9", "symlinkat:when=1", "fchownat:when=3", "syncfs:when=1"})
    void anImportThatIsKilledIsFinishedByTheNext(String step) throws Exception {
        shell(source, TREE);
        try (var driver = TestDriver.local(folder, NODE)) {
            assertThat(KilledImport.at(step, source, folder)).isEqualTo(128 + 9);
            var id = run.imported(source).id();
            assertThat(folder.resolve("ssd/.incoming")).isEmptyDirectory();
            driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            assertThat(driver.staging(id).resolve("maps/north")).hasContent("cold");
            driver.unstage(id);
        }
    }
}
