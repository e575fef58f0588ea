package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// 36: what a kill leaves half-made, made by hand here, is cleared or finished.
@ExtendWith(NothingLeftBehind.class)
final class CrashTest {
    private static final long MIB = 1L << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final NodeId N1 = new NodeId("n1");
    private static final NodeId N2 = new NodeId("n2");
    private static final AccessMode WRITER = AccessMode.SINGLE_NODE_WRITER;
    private static final AccessMode READERS = AccessMode.MULTI_NODE_READER_ONLY;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private TestPool pool;

    @SuppressWarnings("NullAway.Init")
    private FileBackend backend;

    @BeforeEach
    void open() throws Exception {
        pool = TestPool.in(folder);
        backend = pool.open();
        backend.announce(N1, 250);
        backend.announce(N2, 250);
    }

    @AfterEach
    void close() throws Exception {
        pool.close();
    }

    private Volume make(String name) throws IOException {
        return backend.create(VolumeId.of(backend.pool(), name), Specs.thick(name, MIB));
    }

    private void restart() throws IOException {
        backend = pool.reopen();
    }

    private static void assertRefused(Reason reason, ThrowingCallable call) {
        var refusal = catchThrowableOfType(VolumeException.class, call);
        assertThat(refusal).as("refused with " + reason).isNotNull();
        assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
    }

    /// An image of `bytes` in a folder of `.incoming` or `.trash`, named as `maker` would.
    private Path halfMade(Path parent, String maker, long bytes) throws IOException {
        var id = VolumeId.of(backend.pool(), "half");
        var made = Files.createDirectories(parent.resolve(id + "." + maker + ".1"));
        Files.createDirectory(made.resolve("holders"));
        try (var image =
                Fd.open(made.resolve("image"), OpenFlags.O_CREAT | OpenFlags.O_RDWR, 0600)) {
            image.allocate(bytes);
        }
        return made;
    }

    private VolumeFolder folderOf(Volume volume) {
        return pool.folder().volume(volume.id());
    }

    @Test
    void whatWasNeverFinishedIsClearedAtTheNextStart() throws Exception {
        var before = backend.capacity(Provisioning.THICK).availableBytes();
        var half = halfMade(pool.folder().incoming(), "node.a.01234567.89abcdef", 512 * MIB);
        restart();
        assertThat(half).doesNotExist();
        assertThat(pool.folder().incoming()).isEmptyDirectory();
        assertThat(backend.capacity(Provisioning.THICK).availableBytes())
                .isGreaterThan(before - 256 * MIB);
        assertThat(make("half").capacityBytes()).isEqualTo(MIB);
    }

    @Test
    void temporaryRecordsAreClearedAtTheNextStart() throws Exception {
        var volume = folderOf(make("v"));
        var name = ".tmp.node.a.01234567.89abcdef.7";
        for (var parent :
                new Path[] {
                    volume.path(), volume.holders(), pool.folder().nodes(), pool.folder().root()
                }) {
            Files.writeString(parent.resolve(name), "{");
        }
        assertThat(backend.publishedNodes(VolumeId.of(backend.pool(), "v"))).isEmpty();
        restart();
        assertThat(volume.path()).isDirectoryNotContaining("glob:**.tmp*");
        assertThat(volume.holders()).isEmptyDirectory();
        assertThat(pool.folder().nodes()).isDirectoryNotContaining("glob:**.tmp*");
        assertThat(pool.folder().root()).isDirectoryNotContaining("glob:**.tmp*");
    }

    @Test
    @DisplayName("34: a start clears what the dead left and nothing that a live driver may be at")
    void aStartLeavesAloneWhatALiveDriverMayBeAt() throws Exception {
        pool.closeAll();
        var boot = Linux.bootId().substring(0, 8);
        try (var shared = TestPool.sharedIn(folder)) {
            backend = shared.open();
            var live = shared.open(shared.settings(), new NodeId("node.a"));
            var incoming = shared.folder().incoming();
            var ofOtherBoot = halfMade(incoming, "node.a.00000000.00000001", MIB);
            var ofDeadDriver = halfMade(incoming, "node.a." + boot + ".00000002", MIB);
            var ofOtherNode = halfMade(incoming, "node.b." + boot + ".00000003", MIB);
            var alive = instancesOf(shared, "node.a.");
            assertThat(alive).hasSize(2);
            var ofLive = halfMade(incoming, alive.getFirst(), MIB);
            var strange = Files.createFile(incoming.resolve("strange"));

            var _ = shared.open(shared.settings(), new NodeId("node.a"));

            assertThat(ofOtherBoot).doesNotExist();
            assertThat(ofDeadDriver).doesNotExist();
            assertThat(ofOtherNode).exists();
            assertThat(ofLive).exists();
            assertThat(strange).exists();
            assertThat(live.sickness()).isEmpty();
        }
    }

    private static List<String> instancesOf(TestPool shared, String prefix) throws IOException {
        try (var locks = Files.list(shared.folder().drivers())) {
            return locks.map(VolumeStore::fileName)
                    .filter(name -> name.startsWith(prefix))
                    .map(name -> name.substring(0, name.length() - ".lock".length()))
                    .toList();
        }
    }

    @Test
    @DisplayName("34: a lock that a live process of this boot holds keeps its builds")
    void aLiveProcessKeepsItsBuilds() throws Exception {
        pool.closeAll();
        var maker = "node.a." + Linux.bootId().substring(0, 8) + ".00000009";
        try (var shared = TestPool.sharedIn(folder)) {
            backend = shared.open();
            var half = halfMade(shared.folder().incoming(), maker, MIB);
            var lock = shared.folder().drivers().resolve(maker + ".lock");
            try (var _ = LockHolder.hold(lock)) {
                shared.reopen();
                assertThat(half).exists();
            }
            shared.reopen();
            assertThat(half).doesNotExist();
            assertThat(lock).doesNotExist();
        }
    }

    @Test
    void whatWasInTheTrashIsErasedByTheNextStart() throws Exception {
        var trashed = halfMade(pool.folder().trash(), "node.a.01234567.89abcdef", 8 * MIB);
        restart();
        Polling.await("the trash is erased", PATIENCE, () -> !Files.exists(trashed));
    }

    @Test
    void whatWasAttachedWhileItWasDeletedComesBack() throws Exception {
        var volume = make("v");
        backend.attach(volume.id(), N1, WRITER, false);
        pool.closeAll();
        Files.move(
                folderOf(volume).path(),
                pool.folder().trash().resolve(volume.id() + ".node.a.01234567.89abcdef.1"));
        restart();
        Polling.await("it comes back", PATIENCE, () -> backend.find(volume.id()).isPresent());
        assertThat(backend.publishedNodes(volume.id())).containsExactly(N1);
    }

    @Test
    void anAttachThatWasKilledAfterItsLeadIsFinishedByTheRetry() throws Exception {
        var volume = make("v");
        leadWithoutHold(volume, N1, WRITER);
        restart();
        assertRefused(
                Reason.FAILED_PRECONDITION, () -> backend.attach(volume.id(), N2, WRITER, false));
        backend.attach(volume.id(), N1, WRITER, false);
        assertThat(backend.publishedNodes(volume.id())).containsExactly(N1);
    }

    @Test
    void anAttachThatWasKilledAfterItsLeadIsUndoneByItsDetach() throws Exception {
        var volume = make("v");
        leadWithoutHold(volume, N1, WRITER);
        restart();
        backend.detach(volume.id(), N1);
        backend.attach(volume.id(), N2, WRITER, false);
        assertThat(backend.publishedNodes(volume.id())).containsExactly(N2);
    }

    @Test
    void aReadersLeadThatNobodyStandsUnderGivesWay() throws Exception {
        var volume = make("v");
        leadWithoutHold(volume, N1, READERS);
        backend.attach(volume.id(), N2, WRITER, false);
        assertThat(backend.publishedNodes(volume.id())).containsExactly(N2);
        assertRefused(
                Reason.FAILED_PRECONDITION, () -> backend.attach(volume.id(), N1, READERS, false));
    }

    @Test
    void aHoldWithoutItsLeadStillKeepsOthersOut() throws Exception {
        var volume = make("v");
        backend.attach(volume.id(), N1, WRITER, false);
        Files.delete(folderOf(volume).holders().resolve(AttachmentRecords.LEAD));
        for (var mode : new AccessMode[] {WRITER, READERS}) {
            assertRefused(
                    Reason.FAILED_PRECONDITION, () -> backend.attach(volume.id(), N2, mode, false));
        }
        assertThat(folderOf(volume).holders()).isDirectoryNotContaining("glob:**.lead");
        backend.detach(volume.id(), N1);
        backend.attach(volume.id(), N2, WRITER, false);
    }

    @Test
    void aHoldThatAPowerCutKeptOfARefusedAttachIsNoHold() throws Exception {
        var volume = make("v");
        backend.attach(volume.id(), N1, WRITER, false);
        var holders = folderOf(volume).holders();
        var hold = new AttachmentRecord(N2, WRITER, false);
        Files.write(holders.resolve("n2"), hold.bytes(holders.resolve("n2")));
        assertRefused(
                Reason.FAILED_PRECONDITION, () -> backend.attach(volume.id(), N2, WRITER, false));
        backend.detach(volume.id(), N2);
        backend.attach(volume.id(), N1, WRITER, false);
        assertThat(backend.publishedNodes(volume.id())).containsExactly(N1);
    }

    private void leadWithoutHold(Volume volume, NodeId node, AccessMode mode) throws IOException {
        backend.attach(volume.id(), node, mode, false);
        Files.delete(folderOf(volume).holders().resolve(node.value()));
        assertThat(folderOf(volume).holders().resolve(AttachmentRecords.LEAD)).exists();
    }

    @Test
    @DisplayName("30: an expand that was killed before its record is finished by the retry")
    void anExpandThatWasKilledIsFinishedByTheRetry() throws Exception {
        var volume = make("v");
        try (var image = Fd.open(folderOf(volume).image(), OpenFlags.O_RDWR)) {
            image.allocate(4 * MIB);
        }
        restart();
        assertThat(backend.find(volume.id())).contains(volume);
        assertThat(backend.expand(volume.id(), CapacityRange.atLeast(4 * MIB)).capacityBytes())
                .isEqualTo(4 * MIB);
        assertThat(Linux.stat(folderOf(volume).image()).size()).isEqualTo(4 * MIB);
    }

    @Test
    @DisplayName("30: an image that is larger than its record is never cut")
    void anImageThatIsLargerThanItsRecordIsNeverCut() throws Exception {
        var volume = make("v");
        try (var image = Fd.open(folderOf(volume).image(), OpenFlags.O_RDWR)) {
            image.allocate(8 * MIB);
        }
        restart();
        assertThat(backend.expand(volume.id(), CapacityRange.atLeast(4 * MIB)).capacityBytes())
                .isEqualTo(8 * MIB);
        assertThat(Linux.stat(folderOf(volume).image()).size()).isEqualTo(8 * MIB);
    }

    @Test
    @DisplayName("30: what a killed expand left is not granted over a later one's limit")
    void whatAKilledExpandLeftIsNotGrantedOverALimit() throws Exception {
        var volume = make("v");
        try (var image = Fd.open(folderOf(volume).image(), OpenFlags.O_RDWR)) {
            image.allocate(8 * MIB);
        }
        restart();
        var available = backend.capacity(Provisioning.THICK).availableBytes();

        assertThatThrownBy(() -> backend.expand(volume.id(), new CapacityRange(4 * MIB, 6 * MIB)))
                .isInstanceOfSatisfying(
                        VolumeException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.OUT_OF_RANGE))
                .hasMessageContaining("growth of volume " + volume.id() + " to 8388608 bytes")
                .hasMessageContaining("limit of 6291456");

        assertThat(backend.find(volume.id())).contains(volume);
        assertThat(Linux.stat(folderOf(volume).image()).size()).isEqualTo(8 * MIB);
        assertThat(backend.capacity(Provisioning.THICK).availableBytes()).isEqualTo(available);
        var within = new CapacityRange(4 * MIB, 8 * MIB);
        assertThat(backend.expand(volume.id(), within).capacityBytes()).isEqualTo(8 * MIB);
    }

    @Test
    void aPoolThatWasNotFinishedIsFinished() throws Exception {
        var identity = backend.pool();
        pool.closeAll();
        Files.delete(pool.folder().trash());
        Files.delete(pool.folder().incoming());
        FolderTree.erase(pool.state());
        restart();
        assertThat(backend.pool()).isEqualTo(identity);
        assertThat(make("v").capacityBytes()).isEqualTo(MIB);
    }

    @Test
    void anFsyncThatFailsMakesThePoolSick() throws Exception {
        var sickness = new Sickness();
        var durable = new Durable(sickness, () -> ".tmp.test");
        try (var unsyncable = Fd.open(Path.of("/dev/null"), OpenFlags.O_RDONLY)) {
            assertThat(catchThrowableOfType(IOException.class, () -> durable.sync(unsyncable)))
                    .isNotNull();
        }
        assertThat(sickness.reason().orElseThrow()).contains("restart the driver");
        assertRefused(Reason.UNAVAILABLE, sickness::refuseIfSick);
    }
}
