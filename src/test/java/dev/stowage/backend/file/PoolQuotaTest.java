package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.stowage.linux.BtrfsQuota;
import dev.stowage.linux.Command;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A pool in a subvolume of a btrfs with quota groups.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
@DisplayName("73: what a quota leaves is what a pool offers")
final class PoolQuotaTest {
    private static final long MIB = 1L << 20;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private LoopFileSystem disk;

    @SuppressWarnings("NullAway.Init")
    private Path subvolume;

    @SuppressWarnings("NullAway.Init")
    private TestPool pool;

    @BeforeEach
    void open() throws Exception {
        disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.BTRFS, 1024 * MIB);
        subvolume = disk.mountPoint().resolve("sub");
        btrfs("subvolume", "create", subvolume.toString());
        pool = new TestPool(subvolume.resolve("pool"), folder.resolve("state"), false);
    }

    @AfterEach
    void close() throws Exception {
        pool.close();
        disk.close();
    }

    private static void btrfs(String... arguments) throws IOException {
        var argv = new ArrayList<>(List.of("btrfs"));
        argv.addAll(List.of(arguments));
        var _ = Command.run(argv, LIMIT);
    }

    private void limit(String group, long mebibytes) throws IOException {
        btrfs("qgroup", "limit", mebibytes + "M", group, disk.mountPoint().toString());
    }

    private void enable(String... options) throws IOException {
        var argv = new ArrayList<>(List.of("quota", "enable"));
        argv.addAll(List.of(options));
        argv.add(disk.mountPoint().toString());
        btrfs(argv.toArray(String[]::new));
    }

    private String ofSubvolume() throws IOException {
        return "0/" + subvolumeId();
    }

    private long subvolumeId() throws IOException {
        var shown =
                Command.run(
                        List.of("btrfs", "subvolume", "list", disk.mountPoint().toString()), LIMIT);
        return Long.parseLong(shown.stdout().strip().split(" ")[1]);
    }

    private static Volume make(FileBackend backend, String name, long mebibytes)
            throws IOException {
        var id = VolumeId.of(backend.pool(), name);
        return backend.create(id, Specs.thick(name, mebibytes * MIB));
    }

    private static long largest(FileBackend backend) throws IOException {
        return backend.capacity(Provisioning.THICK).largestVolumeBytes() / MIB;
    }

    @Test
    void withoutALimitTheDiskDecides() throws Exception {
        assertThat(BtrfsQuota.of(subvolume)).isEmpty();
        enable();
        assertThat(BtrfsQuota.of(subvolume)).isEmpty();
        assertThat(largest(pool.open())).isGreaterThan(500);
    }

    @Test
    void aLimitOfTheSubvolumeIsTheCapacityAndWhatIsOfferedIsGranted() throws Exception {
        enable();
        limit(ofSubvolume(), 200);
        var backend = pool.open();
        assertThat(backend.capacity(Provisioning.THICK).totalBytes() / MIB).isBetween(180L, 200L);
        var offered = largest(backend);
        assertThat(offered).isBetween(180L, 200L);
        var _ = make(backend, "half", offered / 2);
        assertThat(largest(backend)).isBetween(offered / 2 - 8, offered / 2 + 1);
        var _ = make(backend, "rest", largest(backend));
        assertThat(largest(backend)).isZero();
        assertThat(refusal(backend, 64).reason()).isEqualTo(Reason.NO_SPACE);
        backend = pool.reopen();
        assertThat(largest(backend)).isZero();
        backend.delete(VolumeId.of(backend.pool(), "half"));
        backend = pool.reopen();
        assertThat(largest(backend)).isGreaterThan(offered / 2 - 16);
    }

    private static VolumeException refusal(FileBackend backend, long mebibytes) {
        var refusal =
                catchThrowableOfType(VolumeException.class, () -> make(backend, "more", mebibytes));
        assertThat(refusal).isNotNull();
        return refusal;
    }

    @Test
    void theLimitOfAGroupThatHoldsTheSubvolumesGroupCountsToo() throws Exception {
        enable();
        limit(ofSubvolume(), 400);
        var mountPoint = disk.mountPoint().toString();
        btrfs("qgroup", "create", "1/7", mountPoint);
        btrfs("qgroup", "assign", ofSubvolume(), "1/7", mountPoint);
        btrfs("qgroup", "create", "2/7", mountPoint);
        btrfs("qgroup", "assign", "1/7", "2/7", mountPoint);
        limit("2/7", 150);
        Linux.syncfs(disk.mountPoint());
        assertThat(BtrfsQuota.of(subvolume).map(BtrfsQuota::limitBytes)).contains(150 * MIB);
        assertThat(largest(pool.open())).isBetween(130L, 150L);
    }

    @Test
    void aQuotaThatOthersUsedUpIsReportedAndARefusalNamesIt() throws Exception {
        enable();
        var backend = pool.open();
        var thin = backend.create(VolumeId.of(backend.pool(), "t"), Specs.thin("t", MIB));
        limit(ofSubvolume(), 200);
        fill(subvolume.resolve("foreign"));
        Linux.syncfs(disk.mountPoint());
        assertThat(largest(backend)).isZero();
        assertThat(backend.conditions()).extracting(Condition::fault).contains(Fault.POOL_FULL);
        assertThat(backend.conditions(thin.id()))
                .extracting(Condition::fault)
                .contains(Fault.POOL_FULL);
        assertThat(refusal(backend, 64).reason()).isEqualTo(Reason.NO_SPACE);
    }

    @Test
    @DisplayName("73: a volume is deleted also where the quota has no space for the delete")
    void aQuotaThatVolumesHaveUsedUpIsFreedByDeletes() throws Exception {
        enable();
        limit(ofSubvolume(), 200);
        var backend = pool.open();
        for (var name : List.of("a", "b")) {
            var _ = backend.create(VolumeId.of(backend.pool(), name), Specs.thin(name, 90 * MIB));
        }
        limit(ofSubvolume(), 80);
        backend = pool.reopen();
        fill(backend.image(VolumeId.of(backend.pool(), "a")));
        Linux.syncfs(disk.mountPoint());
        assertThat(backend.capacity(Provisioning.THIN).availableBytes()).isZero();
        assertThat(refusal(backend, 16).reason()).isEqualTo(Reason.NO_SPACE);
        // One with nothing in it frees nothing; the full one comes last.
        for (var name : List.of("b", "a")) {
            backend.delete(VolumeId.of(backend.pool(), name));
        }
        backend = pool.reopen();
        assertThat(largest(backend)).isGreaterThan(60);
        assertThat(make(backend, "new", 32).capacityBytes()).isEqualTo(32 * MIB);
    }

    /// btrfs counts when it commits, so the pool may see more than there is.
    @Test
    void aQuotaThatIsReachedInTheMiddleIsNoSpaceAndLeavesNothing() throws Exception {
        enable();
        limit(ofSubvolume(), 100);
        var backend = pool.open();
        var flags = OpenFlags.O_WRONLY | OpenFlags.O_CREAT;
        try (var foreign = Fd.open(subvolume.resolve("foreign"), flags, 0600)) {
            foreign.allocate(60 * MIB);
        }
        var refusal = refusal(backend, 60);
        assertThat(refusal.reason()).isEqualTo(Reason.NO_SPACE);
        assertThat(refusal.getMessage()).containsAnyOf("quota", "unreserved");
        assertThat(backend.find(VolumeId.of(backend.pool(), "more"))).isEmpty();
        assertThat(make(backend, "small", 16).capacityBytes()).isEqualTo(16 * MIB);
    }

    private static void fill(Path file) throws IOException {
        try (var fd = Fd.open(file, OpenFlags.O_WRONLY | OpenFlags.O_CREAT, 0600)) {
            var chunk = ByteBuffer.allocate((int) MIB);
            for (var i = 0L; ; i++) {
                var _ = fd.write(chunk.clear(), i * MIB);
                fd.fsync();
            }
        } catch (ErrnoException e) {
            assertThat(e).hasMessageContaining("EDQUOT");
        }
    }
}
