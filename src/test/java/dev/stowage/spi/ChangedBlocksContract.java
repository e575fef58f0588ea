package dev.stowage.spi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.pools.Pool;
import dev.stowage.pools.PoolDefaults;
import dev.stowage.pools.Pools;
import dev.stowage.pools.SnapshotBlocks;
import dev.stowage.volume.BlockList;
import dev.stowage.volume.ByteRange;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What [ChangedBlocks] promises, in runnable form: held to the bytes themselves.
public abstract class ChangedBlocksContract extends GroupContract {
    private static final int BLOCK = ChangedBlocks.BLOCK_BYTES;
    private static final int ROUNDS = 4;

    private ChangedBlocks blocks() throws Exception {
        return (ChangedBlocks) backend();
    }

    /// Whether equal bytes are never listed; else a block that was written may be, whatever it
    /// holds.
    protected boolean comparesBytes() {
        return false;
    }

    protected static List<ByteRange> ranges(BlockList opened) throws IOException {
        try (var list = opened) {
            var ranges = new ArrayList<ByteRange>();
            for (var next = list.next(); next.isPresent(); next = list.next()) {
                ranges.add(next.get());
            }
            return ranges;
        }
    }

    private List<ByteRange> allocated(Snapshot snapshot, long from) throws Exception {
        return ranges(blocks().allocated(snapshot, from));
    }

    private List<ByteRange> changed(Snapshot base, Snapshot target, long from) throws Exception {
        return ranges(blocks().changed(base, target, from, () -> false));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void listsAreTrueToTheBytesWhateverWasWritten(long seed) throws Exception {
        var random = new Random(seed);
        var story = new WrittenVolume(backend(), seed % 2 == 0, random);
        for (var round = 0; round < ROUNDS; round++) {
            story.writeAndKeep(snapshot -> snapshot(backend(), snapshot, story.id()));
        }
        for (var i = 0; i < ROUNDS; i++) {
            var snapshot = story.snapshot(i);
            var all = allocated(snapshot, 0);
            assertOrdered(all, snapshot.sizeBytes());
            assertHasAll(blocks(all), story.differing(-1, i));
            assertHasAll(story.written(-1, i), blocks(all));
            for (var j = i; j < ROUNDS; j++) {
                check(story, i, j, random);
                check(story, j, i, random); // in no order of time, too
            }
        }
    }

    private void check(WrittenVolume story, int base, int target, Random random) throws Exception {
        var snapshot = story.snapshot(target);
        var listed = changed(story.snapshot(base), snapshot, 0);
        assertOrdered(listed, snapshot.sizeBytes());
        var differing = story.differing(base, target);
        var written = story.written(Math.min(base, target), Math.max(base, target));
        assertHasAll(blocks(listed), differing);
        assertHasAll(written, blocks(listed));
        if (comparesBytes()) {
            assertThat(blocks(listed)).isEqualTo(differing);
        }
        for (var i = 0; i < 8; i++) {
            var from = random.nextLong(snapshot.sizeBytes() + 1);
            assertThat(changed(story.snapshot(base), snapshot, from)).isEqualTo(cut(listed, from));
            assertThat(allocated(snapshot, from)).isEqualTo(cut(allocated(snapshot, 0), from));
        }
    }

    private static void assertOrdered(List<ByteRange> ranges, long size) {
        var end = -1L;
        for (var range : ranges) {
            assertThat(range.offset()).isGreaterThan(end).isEqualTo(range.offset() / BLOCK * BLOCK);
            end = range.end();
            assertThat(end).isLessThanOrEqualTo(size).isEqualTo(end / BLOCK * BLOCK);
        }
    }

    private static List<ByteRange> cut(List<ByteRange> ranges, long from) {
        return ranges.stream()
                .filter(range -> range.end() > from)
                .map(range -> ByteRange.between(Math.max(from, range.offset()), range.end()))
                .toList();
    }

    private static BitSet blocks(List<ByteRange> ranges) {
        var blocks = new BitSet();
        for (var range : ranges) {
            blocks.set((int) (range.offset() / BLOCK), (int) (range.end() / BLOCK));
        }
        return blocks;
    }

    private static void assertHasAll(BitSet all, BitSet some) {
        var missing = (BitSet) some.clone();
        missing.andNot(all);
        assertThat(missing).as("blocks that are in the second set alone").isEqualTo(new BitSet());
    }

    @Test
    void aBlankVolumeHasNoBlocks() throws Exception {
        var backend = backend();
        var volume = make(backend, "v", 4 * MIB);
        var first = snapshot(backend, "s1", volume.id());
        var second = snapshot(backend, "s2", volume.id());
        assertThat(allocated(first, 0)).isEmpty();
        assertThat(changed(first, second, 0)).isEmpty();
    }

    @Test
    void aListThatIsOpenGoesOnWhenItsSnapshotsAreDeleted() throws Exception {
        var backend = backend();
        var story = new WrittenVolume(backend, true, new Random(7));
        for (var round = 0; round < 2; round++) {
            story.writeAndKeep(name -> snapshot(backend, name, story.id()));
        }
        var listed = changed(story.snapshot(0), story.snapshot(1), 0);
        assertThat(listed.isEmpty()).isNotEqualTo(backend instanceof ImageFiles);
        try (var open = blocks().changed(story.snapshot(0), story.snapshot(1), 0, () -> false)) {
            ((Snapshots) backend).deleteSnapshot(story.snapshot(0).id());
            ((Snapshots) backend).deleteSnapshot(story.snapshot(1).id());
            assertThat(ranges(open)).isEqualTo(listed);
        }
        assertRefused(Reason.NOT_FOUND, () -> allocated(story.snapshot(0), 0));
        assertRefused(Reason.NOT_FOUND, () -> changed(story.snapshot(0), story.snapshot(1), 0));
    }

    @Test
    void whatCantBeListedIsRefusedSayingWhy() throws Exception {
        var backend = backend();
        var pools = pools(backend);
        var lists = new SnapshotBlocks(pools);
        var s = snapshot(backend, "s", make(backend, "v", 4 * MIB).id());
        var ofOther = snapshot(backend, "o", make(backend, "w", 4 * MIB).id());
        var none = snapshotId(backend, "none");

        assertThat(lists.possible()).isTrue();
        assertRefused(Reason.NOT_FOUND, () -> lists.allocated(none, 0));
        assertRefused(Reason.NOT_FOUND, () -> lists.changed(none, s.id(), 0, () -> false));
        assertRefused(Reason.NOT_FOUND, () -> lists.changed(s.id(), none, 0, () -> false));
        assertRefused(Reason.INVALID, () -> lists.changed(ofOther.id(), s.id(), 0, () -> false));
        for (var outside : List.of(-1L, 4 * MIB + 1)) {
            assertRefused(Reason.OUT_OF_RANGE, () -> lists.allocated(s.id(), outside));
            assertRefused(
                    Reason.OUT_OF_RANGE, () -> lists.changed(s.id(), s.id(), outside, () -> false));
        }
        try (var atItsEnd = lists.allocated(s.id(), 4 * MIB)) {
            assertThat(atItsEnd.volumeBytes()).isEqualTo(4 * MIB);
            assertThat(atItsEnd.blocks().next()).isEmpty();
        }
    }

    private static Pools pools(Backend backend) {
        var source =
                new PoolSource() {
                    @Override
                    public Optional<String> knownTag() {
                        return Optional.of(backend.pool().tag());
                    }

                    @Override
                    public boolean gives(Class<?> power) {
                        return power.isInstance(backend);
                    }

                    @Override
                    public Backend open() {
                        return backend;
                    }
                };
        var defaults = new PoolDefaults(FileSystemType.EXT4, Provisioning.THICK);
        return new Pools(List.of(new Pool("p", defaults, source)), Optional.empty());
    }

    /// A volume that is written to at random, and what it held whenever a snapshot was made.
    private static final class WrittenVolume {
        private static final long BYTES = 4 * MIB;
        private static final long GROWTH = 2 * MIB;
        private static final int WRITES = 24;

        private final Backend backend;
        private final Random random;
        private final VolumeId id;
        private final List<Snapshot> snapshots = new ArrayList<>();
        private final List<byte[]> contents = new ArrayList<>();
        private final List<BitSet> written = new ArrayList<>();
        private final byte[] content = new byte[(int) (BYTES + GROWTH)];
        private long bytes = BYTES;

        interface Keeping {
            Snapshot keep(String name) throws Exception;
        }

        WrittenVolume(Backend backend, boolean thick, Random random) throws IOException {
            this.backend = backend;
            this.random = random;
            id = VolumeId.of(backend.pool(), "written");
            var provisioning = thick ? Provisioning.THICK : Provisioning.THIN;
            backend.create(id, spec("written", BYTES, provisioning));
        }

        VolumeId id() {
            return id;
        }

        Snapshot snapshot(int i) {
            return snapshots.get(i);
        }

        void writeAndKeep(Keeping keeping) throws Exception {
            if (snapshots.size() == 2) {
                bytes = backend.expand(id, CapacityRange.atLeast(BYTES + GROWTH)).capacityBytes();
            }
            var blocks = new BitSet();
            if (backend instanceof ImageFiles files) {
                try (var image = new RandomWrites(files.image(id), content, random)) {
                    for (var i = 0; i < WRITES; i++) {
                        var range = image.write(bytes);
                        blocks.set(
                                (int) (range.offset() / BLOCK),
                                (int) ((range.end() + BLOCK - 1) / BLOCK));
                    }
                }
            }
            snapshots.add(keeping.keep("s" + snapshots.size()));
            written.add(blocks);
            contents.add(Arrays.copyOf(content, (int) bytes));
        }

        /// The blocks written between two snapshots; -1 is when the volume was blank.
        BitSet written(int older, int newer) {
            var all = new BitSet();
            written.subList(older + 1, newer + 1).forEach(all::or);
            return all;
        }

        /// The blocks of the target that are not what they were; -1 is when the volume was blank.
        BitSet differing(int base, int target) {
            var old = base < 0 ? new byte[0] : contents.get(base);
            var now = contents.get(target);
            var blocks = new BitSet();
            for (var i = 0; i < now.length; i++) {
                if (now[i] != (i < old.length ? old[i] : 0)) {
                    blocks.set(i / BLOCK);
                }
            }
            return blocks;
        }
    }
}
