package dev.stowage.pools;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.spi.Backend;
import dev.stowage.spi.FormatTrial;
import dev.stowage.spi.MemoryBackend;
import dev.stowage.spi.PoolSource;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 46, for several pools.
class VolumeListTest {
    private static final int VOLUMES_EACH = 3;

    private final MemoryBackend hdd = new MemoryBackend(pool("hdd"), false, 16L << 20);
    private final MemoryBackend nvme = new MemoryBackend(pool("nvme"), false, 16L << 20);
    private final MemoryBackend ssd = new MemoryBackend(pool("ssd"), false, 16L << 20);

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, Integer.MAX_VALUE})
    void pagesHaveEveryVolumeInOrderAndReadNoneTwice(int limit) throws IOException {
        var made = new ArrayList<VolumeId>();
        for (var backend : List.of(hdd, ssd)) {
            for (var i = 0; i < VOLUMES_EACH; i++) {
                made.add(make(backend, "v" + i));
            }
        }
        try (var pools =
                new Pools(
                        Stream.of(hdd, nvme, ssd).map(VolumeListTest::open).toList(),
                        Optional.empty())) {
            assertThat(ids(new Volumes(pools, new NodeId("n1"), FormatTrial.NONE), limit))
                    .containsExactlyElementsOf(made.stream().sorted().toList());
        }
        for (var backend : List.of(hdd, ssd)) {
            assertThat(backend.listed()).hasSize(VOLUMES_EACH).doesNotHaveDuplicates();
        }
    }

    /// Page by page; all but the last are full, and the last has something unless all are empty.
    private static List<VolumeId> ids(Volumes volumes, int limit) throws IOException {
        var ids = new ArrayList<VolumeId>();
        Optional<VolumeId> after = Optional.empty();
        do {
            var page = volumes.list(after, limit);
            page.volumes().forEach(listed -> ids.add(listed.volume().id()));
            after = page.next();
            assertThat(page.volumes()).isNotEmpty();
            assertThat(after.isEmpty() || page.volumes().size() == limit).isTrue();
        } while (after.isPresent());
        return ids;
    }

    private static VolumeId make(MemoryBackend backend, String name) {
        var spec =
                new VolumeSpec(
                        name,
                        CapacityRange.atLeast(512),
                        Optional.empty(),
                        List.of(),
                        Provisioning.THIN,
                        VolumeSpec.DEFAULT_BLOCK_SIZE);
        return backend.create(VolumeId.of(backend.pool(), name), spec).id();
    }

    private static PoolId pool(String name) {
        return new PoolId(name, UUID.nameUUIDFromBytes(name.getBytes(UTF_8)));
    }

    private static Pool open(MemoryBackend backend) {
        return new Pool(
                backend.pool().name(),
                new PoolDefaults(FileSystemType.EXT4, Provisioning.THICK),
                new PoolSource() {
                    @Override
                    public Optional<String> knownTag() {
                        return Optional.empty();
                    }

                    @Override
                    public Backend open() {
                        return backend;
                    }
                });
    }
}
