package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CreateVolumeGroupSnapshotRequest;
import csi.v1.DeleteVolumeGroupSnapshotRequest;
import csi.v1.Snapshot;
import csi.v1.VolumeGroupSnapshot;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.TurnWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Two volumes that are written in turns and cut at one moment while they are.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class GroupConsistencyTest {
    private static final int GROUPS = 15;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private LoopFileSystem disk;

    @SuppressWarnings("NullAway.Init")
    private TestDriver driver;

    @SuppressWarnings("NullAway.Init")
    private List<String> volumes;

    @SuppressWarnings("NullAway.Init")
    private TurnWriter writer;

    @BeforeEach
    void begin() throws Exception {
        disk = LoopFileSystem.make(folder, "disk", LoopFileSystem.Kind.XFS, 640L << 20);
        driver =
                TestDriver.start(
                        folder,
                        "n1",
                        "attach: true\npools: {ssd: {type: file, path: %s/pool, shared: true}}\n"
                                .formatted(disk.mountPoint()));
        volumes = List.of(driver.create("first"), driver.create("second"));
        var mounted = new ArrayList<Path>();
        for (var volume : volumes) {
            var context = driver.attach(volume, "n1", SINGLE_NODE_WRITER);
            mounted.add(driver.stage(volume, context, SINGLE_NODE_WRITER));
        }
        writer = new TurnWriter(mounted.getFirst(), mounted.getLast());
        writer.start();
    }

    @AfterEach
    void end() throws Exception {
        writer.end();
        volumes.forEach(driver::unstage);
        driver.close();
        disk.close();
    }

    private Path image(VolumeGroupSnapshot group, String volume) {
        var member = of(group.getSnapshotsList(), volume).getSnapshotId();
        return disk.mountPoint().resolve("pool/snapshots").resolve(member).resolve("image");
    }

    private static Snapshot of(List<Snapshot> snapshots, String volume) {
        return snapshots.stream()
                .filter(snapshot -> snapshot.getSourceVolumeId().equals(volume))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void everyGroupKeepsTheOrderInWhichItsVolumesWereWritten() throws Exception {
        for (var i = 0; i < GROUPS; i++) {
            var before = writer.written();
            var group =
                    driver.groups()
                            .createVolumeGroupSnapshot(
                                    CreateVolumeGroupSnapshotRequest.newBuilder()
                                            .setName("g" + i)
                                            .addAllSourceVolumeIds(volumes)
                                            .build())
                            .getGroupSnapshot();
            assertThat(group.getReadyToUse()).isTrue();
            var first = image(group, volumes.getFirst());
            assertThat(TurnWriter.ordered(first, image(group, volumes.getLast()), folder)).isTrue();
            assertThat(TurnWriter.numbers(first, folder)).isGreaterThanOrEqualTo(before);
            var _ =
                    driver.groups()
                            .deleteVolumeGroupSnapshot(
                                    DeleteVolumeGroupSnapshotRequest.newBuilder()
                                            .setGroupSnapshotId(group.getGroupSnapshotId())
                                            .build());
        }
        assertThat(writer.isAlive()).isTrue();
    }
}
