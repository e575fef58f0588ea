package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevice;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.Mounts;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Content;
import dev.stowage.volume.LimitSettings;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Snapshots of volumes that somebody uses: at any time where blocks are shared, never where bytes
/// must be copied.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class SnapshotOfUsedVolumeTest {
    private static final long MIB = 1L << 20;
    private static final long DISK_BYTES = 640 * MIB;
    private static final NodeId N1 = new NodeId("n1");

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private interface Work {
        void on(FileBackend backend) throws Exception;
    }

    private void onDisk(LoopFileSystem.Kind kind, Work work) throws Exception {
        try (var disk = LoopFileSystem.make(folder, "disk", kind, DISK_BYTES);
                var pool =
                        new TestPool(
                                disk.mountPoint().resolve("pool"), folder.resolve("state"), true)) {
            work.on(pool.open());
        }
    }

    private static Volume make(FileBackend backend, String name) throws IOException {
        return backend.create(VolumeId.of(backend.pool(), name), Specs.thick(name, 64 * MIB));
    }

    private static SnapshotId snapshotId(FileBackend backend) {
        return SnapshotId.of(backend.pool(), "s");
    }

    private static Volume restore(FileBackend backend, SnapshotId snapshot) throws IOException {
        var spec =
                new VolumeSpec(
                        "restored",
                        CapacityRange.atLeast(64 * MIB),
                        Optional.empty(),
                        List.of(),
                        Provisioning.THICK,
                        VolumeSpec.DEFAULT_BLOCK_SIZE,
                        new Content.OfSnapshot(snapshot),
                        LimitSettings.NONE);
        try (var copySource = backend.openSnapshot(snapshot)) {
            return backend.createFrom(VolumeId.of(backend.pool(), "restored"), spec, copySource);
        }
    }

    /// The volume as a mounted ext4 while `work` runs.
    private void mounted(FileBackend backend, VolumeId id, boolean format, MountedWork work)
            throws Exception {
        var at = Files.createTempDirectory(folder, "mount");
        var loop =
                LoopDevices.attach(
                        backend.image(id), "stowage-test:" + at.getFileName(), 512, false);
        try {
            if (format) {
                LoopFileSystem.Kind.EXT4.format(loop.path());
            }
            Mounts.mount("ext4", loop.path().toString(), at, Set.of(), List.of());
            try {
                work.at(at, loop);
            } finally {
                Mounts.unmount(at);
            }
        } finally {
            LoopDevices.detach(loop);
        }
    }

    private interface MountedWork {
        void at(Path mountPoint, LoopDevice loop) throws Exception;
    }

    @ParameterizedTest
    @EnumSource(
            value = LoopFileSystem.Kind.class,
            names = {"XFS", "BTRFS"})
    void whereBlocksAreSharedASnapshotHoldsWhatWasWrittenToAMountedVolume(LoopFileSystem.Kind kind)
            throws Exception {
        onDisk(
                kind,
                backend -> {
                    var volume = make(backend, "v");
                    var id = snapshotId(backend);
                    mounted(
                            backend,
                            volume.id(),
                            true,
                            (at, _) -> {
                                Files.writeString(at.resolve("file"), "before"); // not synced
                                var made = backend.createSnapshot(id, "s", volume.id());
                                assertThat(made.ready()).isTrue();
                                Files.writeString(at.resolve("file"), "after");
                            });
                    var restored = restore(backend, id);
                    mounted(
                            backend,
                            restored.id(),
                            false,
                            (at, _) -> assertThat(at.resolve("file")).hasContent("before"));
                });
    }

    @Test
    void whereBytesMustBeCopiedAVolumeInUseIsRefusedSayingWhy() throws Exception {
        onDisk(
                LoopFileSystem.Kind.EXT4,
                backend -> {
                    var volume = make(backend, "v");
                    var id = snapshotId(backend);
                    mounted(
                            backend,
                            volume.id(),
                            true,
                            (_, loop) ->
                                    assertRefused(
                                            Reason.FAILED_PRECONDITION,
                                            loop.path().toString(),
                                            () -> backend.createSnapshot(id, "s", volume.id())));
                    backend.announce(N1, 250);
                    backend.attach(volume.id(), N1, AccessMode.SINGLE_NODE_WRITER, false);
                    assertRefused(
                            Reason.FAILED_PRECONDITION,
                            "n1",
                            () -> backend.createSnapshot(id, "s", volume.id()));
                    assertThat(backend.findSnapshot(id)).isEmpty();
                    backend.detach(volume.id(), N1);
                    assertThat(backend.createSnapshot(id, "s", volume.id()).ready()).isTrue();
                    assertThat(Linux.stat(backend.image(volume.id())).size()).isEqualTo(64 * MIB);
                });
    }

    @Test
    void aVolumeThatIsBeingCopiedCantBeUsedGrownOrDeleted() throws Exception {
        onDisk(
                LoopFileSystem.Kind.EXT4,
                backend -> {
                    var id = make(backend, "v").id();
                    backend.announce(N1, 250);
                    var mode = AccessMode.SINGLE_NODE_WRITER;
                    try (var copySource = backend.openVolume(id)) {
                        copySource.requireQuiesced();
                        var why = "is being copied";
                        assertRefused(Reason.BUSY, why, () -> backend.attach(id, N1, mode, false));
                        assertThat(backend.publishedNodes(id)).isEmpty();
                        assertRefused(Reason.BUSY, why, () -> backend.requireNotCopied(id));
                        assertRefused(
                                Reason.BUSY,
                                why,
                                () -> backend.expand(id, CapacityRange.atLeast(65 * MIB)));
                        assertRefused(Reason.FAILED_PRECONDITION, why, () -> backend.delete(id));
                    }
                    backend.attach(id, N1, mode, false);
                    backend.detach(id, N1);
                    backend.expand(id, CapacityRange.atLeast(65 * MIB));
                    backend.delete(id);
                });
    }

    private static void assertRefused(Reason reason, String words, ThrowingCallable call) {
        var refusal = catchThrowableOfType(VolumeException.class, call);
        assertThat(refusal).as("refused with " + reason).isNotNull();
        assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
        assertThat(refusal).hasMessageContaining(words);
    }
}
