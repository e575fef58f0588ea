package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.stowage.linux.Command;
import dev.stowage.linux.Linux;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.Capacity;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A pool on a file system with much room and few inodes.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
@DisplayName("73: a file system without free inodes is as full as one without room")
final class PoolInodesTest {
    private static final long MIB = 1L << 20;
    private static final Duration MKFS_LIMIT = Duration.ofSeconds(60);

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private LoopFileSystem disk;

    @SuppressWarnings("NullAway.Init")
    private TestPool pool;

    @SuppressWarnings("NullAway.Init")
    private FileBackend backend;

    @BeforeEach
    void open() throws Exception {
        disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 1024 * MIB);
        disk.unmount();
        var device = disk.device().path().toString();
        Command.run(List.of("mkfs.ext4", "-q", "-F", "-N", "256", device), MKFS_LIMIT);
        disk.mount();
        pool = new TestPool(disk.mountPoint().resolve("pool"), folder.resolve("state"), true);
        backend = pool.open(pool.settings("test", 100), TestPool.NODE);
    }

    @AfterEach
    void close() throws Exception {
        try {
            pool.close();
        } finally {
            disk.close();
        }
    }

    private Volume make(String name) throws IOException {
        return backend.create(VolumeId.of(backend.pool(), name), Specs.thin(name, MIB));
    }

    /// As many volumes as there are granted.
    private List<Volume> fill() throws IOException {
        var made = new ArrayList<Volume>();
        while (backend.capacity(Provisioning.THIN).largestVolumeBytes() > 0) {
            made.add(make("v" + made.size()));
        }
        return made;
    }

    private void takeAllInodes() throws IOException {
        for (var i = 0; Linux.statfs(disk.mountPoint()).freeInodes() > 0; i++) {
            var foreign = disk.mountPoint().resolve("foreign" + i);
            if (!Files.exists(foreign)) {
                Files.createFile(foreign);
            }
        }
    }

    private List<Fault> faults() throws IOException {
        return backend.conditions().stream().map(Condition::fault).toList();
    }

    private VolumeException refusal(String name) {
        var refusal = catchThrowableOfType(VolumeException.class, () -> make(name));
        assertThat(refusal).isNotNull();
        assertThat(refusal.reason()).isEqualTo(Reason.NO_SPACE);
        return refusal;
    }

    @Test
    void withoutAFreeInodeThePoolOffersNothingSaysSoAndIsReported() throws Exception {
        assertThat(faults()).isEmpty();
        takeAllInodes();
        for (var provisioning : Provisioning.values()) {
            assertThat(backend.capacity(provisioning))
                    .extracting(Capacity::availableBytes, Capacity::largestVolumeBytes)
                    .containsExactly(0L, 0L);
        }
        assertThat(refusal("v"))
                .hasMessageContaining("no free inodes (files)")
                .hasMessageContaining("0 of 256 are left")
                .hasMessageContaining(
                        "delete files or volumes, or make the file system with more inodes");
        assertThat(backend.conditions())
                .singleElement()
                .satisfies(
                        condition -> {
                            assertThat(condition.fault().word()).isEqualTo("PoolInodesExhausted");
                            assertThat(condition.message()).contains("no free inodes (files)");
                        });
        Files.delete(disk.mountPoint().resolve("foreign0"));
        assertThat(backend.capacity(Provisioning.THIN).availableBytes()).isZero();
        for (var i = 1; i < 50; i++) {
            Files.delete(disk.mountPoint().resolve("foreign" + i));
        }
        assertThat(faults()).isEmpty();
        assertThat(make("v").name()).isEqualTo("v");
    }

    @Test
    void aPoolThatIsFilledWithVolumesCanStillAttachFormatAndDeleteThemAll() throws Exception {
        var made = fill();
        assertThat(made).hasSizeGreaterThan(20);
        assertThat(refusal("more")).hasMessageContaining("no free inodes (files)");
        var node = new NodeId("node.b");
        backend.announce(node, 1000);
        for (var volume : made) {
            var _ = backend.attach(volume.id(), node, AccessMode.SINGLE_NODE_WRITER, false);
            backend.recordFormat(volume.id(), new FormatState.Adopted());
        }
        for (var volume : made) {
            backend.detach(volume.id(), node);
            backend.delete(volume.id());
        }
        assertThat(backend.list(Optional.empty(), 1000)).isEmpty();
    }

    /// Its image is there, but the record that says the new size is a new file.
    @Test
    void aGrowthWithoutAFreeInodeDoesNotSpeakOfAnotherVolume() throws Exception {
        var volume = make("v");
        takeAllInodes();
        var larger = CapacityRange.atLeast(volume.capacityBytes() + (1 << 20));
        var refusal =
                catchThrowableOfType(
                        VolumeException.class, () -> backend.expand(volume.id(), larger));
        assertThat(refusal.reason()).isEqualTo(Reason.NO_SPACE);
        assertThat(refusal)
                .hasMessageContaining("has no free inodes (files) for it (0 of 256 are left)");
    }

    private void leave(int inodes) throws IOException {
        takeAllInodes();
        for (var i = 0; i < inodes; i++) {
            Files.delete(disk.mountPoint().resolve("foreign" + i));
        }
    }

    @Test
    void aSnapshotWithoutFreeInodesIsRefusedAndLeavesNothing() throws Exception {
        var volume = make("v");
        leave(2);
        var id = SnapshotId.of(backend.pool(), "s");
        var refusal =
                catchThrowableOfType(
                        VolumeException.class,
                        () -> backend.createSnapshot(id, "s", volume.id(), Optional.empty()));
        assertThat(refusal.reason()).isEqualTo(Reason.NO_SPACE);
        assertThat(refusal).hasMessageContaining("no free inodes (files)");
        assertThat(backend.findSnapshot(id)).isEmpty();
        assertThat(Linux.statfs(disk.mountPoint()).freeInodes()).isEqualTo(2);
    }

    /// Others may take what was free a moment ago. The descriptors are looked for at the end.
    @Test
    void aDraftThatMeetsTheLastInodeInTheMiddleKeepsNoFileOpen() throws Exception {
        var settings = pool.settings("test", 100);
        var instance = Instance.begin(new NodeId("node.c"), "00000000");
        var nonces = new Nonces(instance);
        var sickness = new Sickness();
        var durable = new Durable(sickness, nonces::temporary);
        var lock = new PoolLock(new FolderClaims(Map.of()), settings);
        lock.take(pool.folder().lock(), false, instance, durable);
        var opening =
                new OpenPool.Opening(
                        settings, pool.folder(), false, instance, nonces, sickness, durable, lock);
        try (var open = OpenPool.start(opening, pool.identity())) {
            for (var inodes = 1; inodes < 4; inodes++) {
                leave(inodes);
                var nonce = nonces.of(SnapshotId.of(backend.pool(), "s" + inodes));
                assertThatThrownBy(() -> SnapshotDraft.begin(open, nonce))
                        .hasMessageContaining("ENOSPC");
                FolderTree.erase(pool.folder().incoming().resolve(nonce));
            }
        }
    }

    @Test
    void withoutAFreeInodeAKnownNodeIsAttachedAndNoOtherIsMadeKnown() throws Exception {
        var volume = make("v");
        backend.announce(TestPool.NODE, 10);
        takeAllInodes();
        var _ = backend.attach(volume.id(), TestPool.NODE, AccessMode.SINGLE_NODE_WRITER, false);
        var refusal =
                catchThrowableOfType(
                        VolumeException.class, () -> backend.announce(new NodeId("node.d"), 10));
        assertThat(refusal.reason()).isEqualTo(Reason.NO_SPACE);
        assertThat(refusal).hasMessageContaining("no free inodes (files)");
        backend.detach(volume.id(), TestPool.NODE);
        backend.delete(volume.id());
    }
}
