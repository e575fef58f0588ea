package dev.stowage.pools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.spi.Attachment;
import dev.stowage.spi.Backend;
import dev.stowage.spi.Diagnosable;
import dev.stowage.spi.FormatTrial;
import dev.stowage.spi.PoolSource;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.Capacity;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.ListedVolume;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Topology;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/// Failure case 70: what a pool does when its backend fails below it.
class DyingPoolTest {
    private static final PoolId ID =
            new PoolId("ssd", UUID.fromString("0123abcd-0000-4000-8000-000000000001"));
    private static final VolumeId VOLUME = VolumeId.of(ID, "data");

    private final Disk disk = new Disk();
    private final Pool pool =
            new Pool(
                    "ssd",
                    new PoolDefaults(FileSystemType.EXT4, Provisioning.THICK),
                    new PoolSource() {
                        @Override
                        public Optional<String> knownTag() {
                            return Optional.empty();
                        }

                        @Override
                        public Backend open() {
                            return disk;
                        }
                    });

    @AfterEach
    void close() {
        pool.close();
    }

    /// A backend whose reads fail, for the reason of one volume or of the whole disk.
    private static final class Disk implements Backend, Diagnosable {
        private final CountDownLatch reading = new CountDownLatch(1);
        private final CountDownLatch released = new CountDownLatch(1);
        private volatile boolean dead;
        private volatile boolean readOnly;
        private volatile int closed;

        @Override
        public PoolId pool() {
            return ID;
        }

        @Override
        public boolean shared() {
            return false;
        }

        @Override
        public Set<AccessMode> accessModes() {
            return Set.of();
        }

        @Override
        public Optional<String> sickness() {
            return Optional.empty();
        }

        @Override
        public Volume create(VolumeId id, VolumeSpec spec) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void delete(VolumeId id) {}

        @Override
        public Optional<Volume> find(VolumeId id) {
            return Optional.empty();
        }

        @Override
        public List<ListedVolume> list(Optional<VolumeId> after, int limit) throws IOException {
            throw new IOException("read failed");
        }

        @Override
        public Volume expand(VolumeId id, CapacityRange range) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Attachment attach(VolumeId id, NodeId node, AccessMode mode, boolean readOnly) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void detach(VolumeId id, NodeId node) {}

        @Override
        public Capacity capacity(Provisioning provisioning) {
            return new Capacity(1L << 30, 1L << 30, 1L << 30);
        }

        @Override
        public List<NodeId> publishedNodes(VolumeId id) {
            reading.countDown();
            try {
                released.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return List.of();
        }

        @Override
        public boolean hasMore(VolumeId after) throws IOException {
            throw new IOException("read failed");
        }

        @Override
        public List<Condition> conditions() {
            if (dead) {
                throw new VolumeException(Reason.UNAVAILABLE, "its disk is dead");
            }
            return readOnly
                    ? List.of(new Condition(Fault.POOL_READ_ONLY, "it is read-only"))
                    : List.of();
        }

        @Override
        public List<Condition> conditions(VolumeId id) {
            return List.of();
        }

        @Override
        public List<VolumeId> ids(Optional<VolumeId> after) {
            return List.of();
        }

        @Override
        public void close() {
            closed++;
        }
    }

    @Test
    @DisplayName("70: what fails in a pool that is well is the volume's own failure")
    void aFailureInAPoolThatIsWellIsTheVolumesOwn() {
        assertThatThrownBy(() -> pool.backend().hasMore(VOLUME))
                .isInstanceOf(IOException.class)
                .hasMessage("read failed");
        assertThat(pool.state().conditions()).isEmpty();
        assertThat(disk.closed).isZero();
    }

    @Test
    @DisplayName("70: what fails in a pool that is dead is the pool's failure, from then on")
    void aFailureInADeadPoolIsThePools() {
        var backend = pool.backend();
        disk.dead = true;
        for (var time = 0; time < 3; time++) {
            assertThatThrownBy(() -> backend.hasMore(VOLUME))
                    .hasMessage("pool ssd: its disk is dead")
                    .extracting(e -> ((VolumeException) e).reason())
                    .isEqualTo(Reason.UNAVAILABLE);
        }
        assertThatThrownBy(pool::backend).hasMessage("pool ssd: its disk is dead");
        assertThat(pool.ifOpen()).isEmpty();
        assertThat(pool.takesChanges()).isFalse();
        assertThat(pool.owns(VOLUME)).isTrue();
        assertThat(pool.topology(new NodeId("n1")).segments()).isNotEmpty();
        assertThat(disk.closed).isOne();
    }

    @Test
    @DisplayName("64: what fails in a pool that is read-only says so, and the pool stays open")
    void aFailureInAReadOnlyPoolSaysSo() {
        disk.readOnly = true;
        assertThatThrownBy(() -> pool.backend().hasMore(VOLUME))
                .hasMessage("pool ssd: it is read-only (read failed)")
                .isInstanceOf(VolumeException.class);
        assertThat(pool.takesChanges()).isFalse();
        assertThat(pool.ifOpen()).isPresent();
        assertThat(disk.closed).isZero();
    }

    @Test
    @DisplayName("70: a pool that is given up is closed when the last call has left it, not before")
    void aPoolIsClosedWhenTheLastCallHasLeftIt() throws Exception {
        var backend = pool.backend();
        try (var threads = Executors.newSingleThreadExecutor()) {
            var call = threads.submit(() -> backend.publishedNodes(VOLUME));
            disk.reading.await();
            disk.dead = true;
            assertThatThrownBy(() -> backend.hasMore(VOLUME)).hasMessageContaining("dead");
            assertThat(disk.closed).isZero();
            disk.released.countDown();
            assertThat(call.get()).isEmpty();
            assertThat(disk.closed).isOne();
        }
    }

    @Test
    @DisplayName("70: lists and capacity leave a dead pool out")
    void listsAndCapacityLeaveADeadPoolOut() throws Exception {
        try (var pools = new Pools(List.of(pool), Optional.of("ssd"))) {
            var volumes = new Volumes(pools, new NodeId("n1"), FormatTrial.NONE);
            var everything =
                    new Volumes.CapacityQuery(
                            Optional.empty(),
                            Optional.empty(),
                            List.of(),
                            List.of(),
                            Topology.node(new NodeId("n1")));
            assertThat(volumes.capacity(everything).availableBytes()).isPositive();
            disk.dead = true;
            assertThat(volumes.capacity(everything)).isEqualTo(Capacity.NONE);
            assertThat(volumes.list(Optional.empty(), 10).volumes()).isEmpty();
        }
    }
}
