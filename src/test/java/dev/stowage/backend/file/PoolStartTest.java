package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.linux.Linux;
import dev.stowage.linux.Mounts;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What may become a pool, and what a pool that was here before must still be.
@ExtendWith(NothingLeftBehind.class)
final class PoolStartTest {
    private static final long DISK_BYTES = 64L << 20;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private TestPool pool;

    @BeforeEach
    void place() {
        pool = TestPool.in(folder);
    }

    @AfterEach
    void close() throws Exception {
        pool.close();
    }

    private VolumeException refusal(FilePoolSettings settings) {
        var refusal =
                catchThrowableOfType(
                        VolumeException.class, () -> pool.open(settings, TestPool.NODE));
        assertThat(refusal).as("refusal").isNotNull();
        return refusal;
    }

    private void assertSick(FilePoolSettings settings, String... words) {
        var refusal = refusal(settings);
        assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(Reason.UNAVAILABLE);
        assertThat(refusal).hasMessageContainingAll(words);
    }

    private FilePoolSettings at(Path path) {
        return new FilePoolSettings("test", path, 1.0, false, false, true);
    }

    @Test
    void aPoolIsMadeInAFolderThatIsNotThereYet() throws Exception {
        var backend = pool.open();
        assertThat(backend.pool().name()).isEqualTo("test");
        assertThat(Files.getPosixFilePermissions(pool.folder().root())).hasSize(3);
        assertThat(pool.reopen().pool()).isEqualTo(backend.pool());
    }

    /// Not the pool's disk is to blame.
    @Test
    void aStateFolderThatCanNotBeMadeIsNamed() throws Exception {
        var state = Path.of("/proc/nostate");
        try (var stateless = new TestPool(pool.folder().root(), state, false)) {
            var refusal = catchThrowableOfType(VolumeException.class, stateless::open);
            assertThat(refusal.reason()).isEqualTo(Reason.UNAVAILABLE);
            assertThat(refusal)
                    .hasMessageContaining(
                            "pool test can't be used: the driver's state folder /proc/nostate can't be made (No such file or directory): make it, or let state");
        }
    }

    @Test
    void aFileInThePlaceOfTheStateFolderIsNamed() throws Exception {
        Files.createFile(pool.state());
        assertSick(
                pool.settings(),
                "the driver's state folder %s is no folder: move it away".formatted(pool.state()));
        assertThat(pool.folder().root()).doesNotExist();
    }

    @Test
    void aPoolIsMadeInAnEmptyFolderOfAFreshDisk() throws Exception {
        Files.createDirectories(pool.folder().root().resolve("lost+found"));
        assertThat(pool.open().pool()).isEqualTo(pool.identity());
    }

    @Test
    @DisplayName("33: a folder with other things in it never becomes a pool")
    void aFolderWithOtherThingsInItIsRefused() throws Exception {
        Files.createDirectories(pool.folder().root());
        Files.writeString(pool.folder().root().resolve("letter"), "dear");
        assertSick(pool.settings(), "pool.json", "empty folder");
        assertThat(pool.folder().root()).isDirectoryNotContaining("glob:**pool.json");
    }

    @Test
    @DisplayName("33, 42: a node that never had the pool's disk lacks the pool")
    void aNodeWithoutTheDiskLacksThePool() {
        var refusal = refusal(at(folder.resolve("no/such/pool")));
        assertThat(refusal.reason()).isEqualTo(Reason.NO_SPACE);
        assertThat(refusal).hasMessageContaining("lacks the pool");
    }

    @Test
    @DisplayName("33: a pool that was here before and is now empty or gone is never made anew")
    void aPoolThatWasHereBeforeIsNeverMadeAnew() throws Exception {
        var uuid = pool.open().pool().uuid().toString();
        pool.close(); // erases the folder
        assertSick(pool.settings(), uuid);
        Files.createDirectory(pool.folder().root());
        assertSick(pool.settings(), uuid, "mount", pool.state().toString());
        assertThat(pool.folder().root()).isEmptyDirectory();
        // By its name alone, and by its path alone.
        assertSick(at(folder.resolve("elsewhere")), uuid);
        assertSick(pool.settings("renamed", 1.0), uuid);
    }

    @Test
    @DisplayName("33: the tag of a pool that is gone is still known")
    void theTagOfAPoolThatIsGoneIsKnown() throws Exception {
        var tag = pool.open().pool().tag();
        pool.close();
        var source =
                new FilePoolSource(
                        pool.settings(),
                        new SeenPools(pool.state()),
                        TestPool.NODE,
                        new FolderClaims(Map.of()));
        assertThat(source.knownTag()).contains(tag);
        var other =
                new FilePoolSource(
                        at(folder),
                        new SeenPools(folder.resolve("s2")),
                        TestPool.NODE,
                        new FolderClaims(Map.of()));
        assertThat(other.knownTag()).isEmpty();
    }

    @Test
    @DisplayName("33: another pool in the same place is refused")
    void anotherPoolInTheSamePlaceIsRefused() throws Exception {
        var uuid = pool.open().pool().uuid().toString();
        pool.closeAll();
        var record = Files.readString(pool.folder().identity());
        Files.writeString(
                pool.folder().identity(),
                record.replace(uuid, "00000000-0000-4000-8000-000000000000"));
        assertSick(pool.settings(), uuid, "00000000-0000-4000-8000-000000000000");
    }

    @Test
    @DisplayName("33, 61: a pool of a newer format, or with features unknown here, is refused")
    void aPoolOfANewerFormatIsRefused() throws Exception {
        pool.open();
        pool.closeAll();
        var record = Files.readString(pool.folder().identity());
        Files.writeString(
                pool.folder().identity(), record.replace("\"version\" : 1", "\"version\" : 2"));
        assertSick(pool.settings(), "version 2", "later version of the driver");
        Files.writeString(
                pool.folder().identity(),
                record.replace("\"incompatible\" : [ ]", "\"incompatible\" : [ \"sharding\" ]"));
        assertSick(pool.settings(), "sharding");
        Files.writeString(pool.folder().identity(), record.substring(0, record.length() / 2));
        assertSick(pool.settings(), "pool.json");
    }

    @Test
    @DisplayName("62: a pool renamed in the configuration keeps its volumes and their ids")
    void aRenamedPoolKeepsItsVolumes() throws Exception {
        var first = pool.open();
        var id = VolumeId.of(first.pool(), "v");
        var made = first.create(id, Specs.thick("v", 1 << 20));
        pool.closeAll();
        var renamed = pool.open(pool.settings("renamed", 1.0), TestPool.NODE);
        assertThat(renamed.pool()).isEqualTo(first.pool());
        assertThat(renamed.find(id)).contains(made);
        pool.closeAll();
        var seen = new SeenPools(pool.state());
        assertThat(seen.knownTag("renamed", folder)).contains(first.pool().tag());
        assertThat(seen.knownTag("test", folder)).isEmpty();
    }

    @Test
    @DisplayName("33: state that can't be read makes no pool anew")
    void stateThatCannotBeReadMakesNoPoolAnew() throws Exception {
        Files.createDirectories(pool.state().resolve("pools"));
        Files.writeString(pool.state().resolve("pools/x.json"), "{");
        assertSick(pool.settings(), "x.json");
        assertThat(pool.folder().identity()).doesNotExist();
    }

    @Test
    @DisplayName("33: a file system that forgets is refused unless that is meant")
    void aFileSystemThatForgetsIsRefused() throws Exception {
        var shm = Files.createTempDirectory(Path.of("/dev/shm"), "stowage-test");
        try {
            var settings =
                    new FilePoolSettings("test", shm.resolve("pool"), 1.0, false, false, false);
            assertSick(settings, "tmpfs", "ephemeral");
            assertThat(shm).isEmptyDirectory();
        } finally {
            FolderTree.erase(shm);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"overlay", "ramfs", "tmpfs"})
    @RequiresRoot
    @DisplayName("33: overlay, tmpfs and ramfs are refused by what is mounted")
    void whatForgetsIsRefusedByWhatIsMounted(String type) throws Exception {
        var place = Files.createDirectory(folder.resolve(type));
        List<String> options = List.of();
        if (type.equals("overlay")) {
            for (var name : List.of("lower", "upper", "work")) {
                Files.createDirectory(folder.resolve(name));
            }
            options =
                    List.of(
                            "lowerdir=" + folder.resolve("lower"),
                            "upperdir=" + folder.resolve("upper"),
                            "workdir=" + folder.resolve("work"));
        }
        Mounts.mount(type, type, place, Set.of(), options);
        try {
            var path = place.resolve("pool");
            assertSick(
                    new FilePoolSettings("test", path, 1.0, false, false, false),
                    type,
                    "ephemeral");
            assertThat(path).doesNotExist();
        } finally {
            Mounts.unmount(place);
        }
    }

    @Test
    @RequiresRoot
    @DisplayName("33: with requireMount, an unmounted disk is absent at first and sick afterwards")
    void anUnmountedDiskIsAbsentThenSick() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, DISK_BYTES)) {
            var settings =
                    new FilePoolSettings(
                            "test", disk.mountPoint().resolve("pool"), 1.0, true, false, false);
            disk.unmount();
            assertThat(refusal(settings).reason()).isEqualTo(Reason.NO_SPACE);
            disk.mount();
            var backend = pool.open(settings, TestPool.NODE);
            pool.closeAll();
            disk.unmount();
            assertSick(settings, backend.pool().uuid().toString());
            // Without requireMount the empty mount point is no place for it either.
            assertSick(at(disk.mountPoint().resolve("pool")), backend.pool().uuid().toString());
            assertThat(disk.mountPoint()).isEmptyDirectory();
            disk.mount();
            assertThat(pool.open(settings, TestPool.NODE).pool()).isEqualTo(backend.pool());
            pool.closeAll();
        }
    }

    @Test
    void aBindOfTheRootFileSystemIsNoMountedDisk() throws Exception {
        var settings = new FilePoolSettings("test", pool.folder().root(), 1.0, true, false, true);
        assumeTrue(Linux.stat(folder).dev() == Linux.stat(Path.of("/")).dev());
        assertThat(refusal(settings).reason()).isEqualTo(Reason.NO_SPACE);
    }

    @Test
    @DisplayName("34: a second driver in the same process does not get the pool")
    void aSecondDriverOfThisProcessIsRefused() throws Exception {
        var first = pool.open();
        var source =
                new FilePoolSource(
                        pool.settings(),
                        new SeenPools(folder.resolve("other-state")),
                        new NodeId("other"),
                        new FolderClaims(Map.of()));
        var refusal = catchThrowableOfType(VolumeException.class, source::open);
        assertThat(refusal).isNotNull();
        assertThat(refusal.reason()).isEqualTo(Reason.UNAVAILABLE);
        first.close();
        source.open().close();
    }

    @Test
    @DisplayName("34: a second process does not get the pool, and is told who has it")
    void aSecondProcessIsRefused() throws Exception {
        pool.open();
        pool.closeAll();
        var holder = LockHolder.hold(pool.folder().lock());
        try {
            assertSick(
                    pool.settings(), pool.folder().lock().toString(), "shared: true", "the other");
        } finally {
            holder.close();
        }
        assertThat(pool.open().find(VolumeId.of(pool.identity(), "v"))).isEmpty();
    }

    @Test
    @DisplayName("34: an exclusive driver keeps sharing ones out")
    void anExclusiveDriverKeepsSharingOnesOut() throws Exception {
        pool.open();
        var shared = new FilePoolSettings("test", pool.folder().root(), 1.0, false, true, true);
        var source =
                new FilePoolSource(
                        shared,
                        new SeenPools(folder.resolve("s2")),
                        TestPool.NODE,
                        new FolderClaims(Map.of()));
        assertThat(catchThrowableOfType(VolumeException.class, source::open)).isNotNull();
        pool.closeAll();
        source.open().close();
    }

    @Test
    void settingsAreChecked() {
        for (var overcommit : List.of(0.99, 0.0, -1.0, Double.NaN, Double.POSITIVE_INFINITY)) {
            assertThat(
                            catchThrowableOfType(
                                    VolumeException.class, () -> pool.settings("test", overcommit)))
                    .isNotNull();
        }
        assertThat(catchThrowableOfType(VolumeException.class, () -> at(Path.of("pool"))))
                .isNotNull();
    }
}
