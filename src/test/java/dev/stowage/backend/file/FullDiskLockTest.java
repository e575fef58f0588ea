package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.Linux;
import dev.stowage.testing.FullDisk;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Failure case 64: what the drivers of a shared pool tell each other on a full disk.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class FullDiskLockTest {
    private static final long MIB = 1L << 20;

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @ParameterizedTest
    @EnumSource(LoopFileSystem.Kind.class)
    @DisplayName("64: without room a driver takes over the lock of a dead one")
    void withoutRoomADriverTakesOverTheLockOfADeadOne(LoopFileSystem.Kind kind) throws Exception {
        try (var disk = LoopFileSystem.make(folder, kind, 600 * MIB);
                var pool = shared(disk)) {
            pool.open();
            pool.closeAll();
            var dead = Instance.begin(TestPool.NODE, Linux.bootId());
            var left = pool.folder().drivers().resolve(dead + ".lock");
            Files.createFile(left);
            FullDisk.fill(disk.mountPoint().resolve("others"));
            pool.open();
            assertThat(locks(pool)).singleElement().isNotEqualTo(left);
            pool.closeAll();
            assertThat(locks(pool)).isEmpty();
        }
    }

    @Test
    @DisplayName("34, 64: on a full disk a volume is attached to one node, and to another after it")
    void onAFullDiskAVolumeMovesFromNodeToNode() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, 600 * MIB);
                var pool = shared(disk)) {
            var first = new NodeId("n1");
            var second = new NodeId("n2");
            var backend = pool.open();
            backend.announce(first, 10);
            backend.announce(second, 10);
            var id = VolumeId.of(backend.pool(), "v");
            backend.create(id, Specs.thick("v", 16 * MIB));
            FullDisk.fill(disk.mountPoint().resolve("others"));
            for (var mode :
                    List.of(AccessMode.SINGLE_NODE_WRITER, AccessMode.SINGLE_NODE_MULTI_WRITER)) {
                backend.attach(id, first, mode, false);
                assertThat(backend.attach(id, first, mode, false).volume()).isEqualTo(id);
                assertThatThrownBy(() -> backend.attach(id, second, mode, false))
                        .hasMessageContaining("attached to node n1")
                        .extracting(e -> ((VolumeException) e).reason())
                        .isEqualTo(Reason.FAILED_PRECONDITION);
                backend.detach(id, first);
                backend.attach(id, second, mode, false);
                assertThat(backend.publishedNodes(id)).containsExactly(second);
                backend.detach(id, second);
                assertThat(backend.publishedNodes(id)).isEmpty();
            }
        }
    }

    private static TestPool shared(LoopFileSystem disk) {
        return new TestPool(
                disk.mountPoint().resolve("pool"), disk.mountPoint().resolve("state"), true);
    }

    private static List<Path> locks(TestPool pool) throws Exception {
        try (var files = Files.list(pool.folder().drivers())) {
            return files.toList();
        }
    }
}
