package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.stowage.spi.Freezer;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.TurnWriter;
import dev.stowage.volume.GroupId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// What the freeze is to a group of which two volumes are mounted: the first that is cut, and the
/// last.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class GroupFreezeTest {
    private static final long MIB = 1L << 20;

    private static final long BYTES = 32 * MIB;
    private static final int BLOCK = 4096;

    private static final int TRIES = 100;

    private static final Freezer.Frozen NOT_FROZEN =
            new Freezer.Frozen() {
                @Override
                public void thaw() {}

                @Override
                public void close() {}
            };

    private static final Freezer.Frozen THAWED_TOO_EARLY =
            new Freezer.Frozen() {
                @Override
                public void thaw() {
                    throw new VolumeException(Reason.BUSY, "did not stay frozen");
                }

                @Override
                public void close() {}
            };

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private LoopFileSystem disk;

    @SuppressWarnings("NullAway.Init")
    private TestPool pool;

    @SuppressWarnings("NullAway.Init")
    private FileBackend backend;

    /// In the order in which they are cut.
    @SuppressWarnings("NullAway.Init")
    private List<VolumeId> volumes;

    private final List<LoopFileSystem> mounted = new ArrayList<>();

    @BeforeEach
    void mount() throws IOException {
        disk = LoopFileSystem.make(folder, "disk", LoopFileSystem.Kind.XFS, 640 * MIB);
        pool = new TestPool(disk.mountPoint().resolve("pool"), folder.resolve("state"), true);
        backend = pool.open();
        var made = new ArrayList<VolumeId>();
        for (var name : List.of("a", "b", "c")) {
            made.add(make(name));
        }
        volumes = made.stream().sorted().toList();
        fragment(backend.image(volumes.get(1)));
        for (var volume : used()) {
            var at = Files.createTempDirectory(folder, "mounted");
            mounted.add(LoopFileSystem.over(backend.image(volume), at, LoopFileSystem.Kind.EXT4));
        }
    }

    private VolumeId make(String name) throws IOException {
        return backend.create(VolumeId.of(backend.pool(), name), Specs.thick(name, BYTES)).id();
    }

    /// Into thousands of extents: while it is cloned the writer has its turns.
    private static void fragment(Path image) throws IOException {
        try (var channel = FileChannel.open(image, StandardOpenOption.WRITE)) {
            for (var at = 0L; at < BYTES; at += 2 * BLOCK) {
                var _ = channel.write(ByteBuffer.allocate(BLOCK).putLong(0, at), at);
            }
            channel.force(true);
        }
    }

    private List<VolumeId> used() {
        return List.of(volumes.getFirst(), volumes.getLast());
    }

    @AfterEach
    void unmount() throws IOException {
        for (var each : mounted) {
            each.close();
        }
        pool.close();
        disk.close();
    }

    private GroupId id() {
        return GroupId.of(backend.pool(), "g");
    }

    private List<Snapshot> group(Freezer.Frozen frozen) throws IOException {
        Freezer freezer =
                (asked, bound) -> {
                    assertThat(asked).containsExactlyElementsOf(used());
                    assertThat(bound).isEqualTo(Duration.ofSeconds(10));
                    return frozen;
                };
        return backend.createGroup(id(), "g", volumes, freezer).members();
    }

    private long available() throws IOException {
        return backend.capacity(Provisioning.THICK).availableBytes();
    }

    @Test
    void volumesThatDidNotStayFrozenMakeNoGroupAndLeaveNothing() throws Exception {
        var before = available();
        var refusal = catchThrowableOfType(VolumeException.class, () -> group(THAWED_TOO_EARLY));
        assertThat(refusal.reason()).isEqualTo(Reason.BUSY);
        assertThat(backend.findGroup(id())).isEmpty();
        for (var name : List.of("snapshots", "groups", ".incoming")) {
            try (var entries = Files.list(pool.folder().root().resolve(name))) {
                assertThat(entries).as(name).isEmpty();
            }
        }
        Polling.await("room given back", Duration.ofSeconds(10), () -> available() == before);
        assertThat(group(NOT_FROZEN)).hasSize(volumes.size());
    }

    /// So the test that groups keep the order (GroupConsistencyTest) can fail.
    @Test
    void withoutTheFreezeTheOrderOfWritesIsLost() throws Exception {
        var writer =
                new TurnWriter(mounted.getFirst().mountPoint(), mounted.getLast().mountPoint());
        writer.start();
        try {
            var lost = false;
            for (var i = 0; i < TRIES && !lost; i++) {
                var members = group(NOT_FROZEN);
                lost =
                        !TurnWriter.ordered(
                                image(members, volumes.getFirst()),
                                image(members, volumes.getLast()),
                                folder);
                backend.deleteGroup(id());
            }
            assertThat(lost).isTrue();
        } finally {
            writer.end();
        }
    }

    private Path image(List<Snapshot> members, VolumeId source) {
        var member = members.stream().filter(each -> each.source().equals(source)).findFirst();
        var id = member.orElseThrow().id().toString();
        return pool.folder().root().resolve("snapshots").resolve(id).resolve("image");
    }
}
