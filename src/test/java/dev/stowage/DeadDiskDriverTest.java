package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.CreateSnapshotRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.NodeGetVolumeHealthRequest;
import csi.v1.NodePublishVolumeRequest;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeUnpublishVolumeRequest;
import csi.v1.NodeUnstageVolumeRequest;
import csi.v1.VolumeCapability;
import csi.v1.VolumeCapability.AccessMode.Mode;
import csi.v1.VolumeHealth.VolumeHealthEntry;
import dev.stowage.linux.Command;
import dev.stowage.linux.LoopDevice;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.Mounts;
import dev.stowage.testing.FuseDisk;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.LoopFileSystem.Kind;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import io.grpc.Status.Code;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 65: the file system below a pool dies while volumes are in use. It is an XFS that
/// is shut down: from then on all that asks it is EIO, LOOP_GET_STATUS64 of a device on it too.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class DeadDiskDriverTest {
    private static final long MIB = 1 << 20;
    private static final Mode MODE = Mode.SINGLE_NODE_MULTI_WRITER;

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private LoopFileSystem disk;
    private TestDriver driver;
    private String node = TestDriver.NODE;
    private boolean dead;

    @BeforeEach
    void start() throws IOException {
        disk = LoopFileSystem.make(folder, "disk", Kind.XFS, 2048 * MIB);
        driver = driver(false);
    }

    @AfterEach
    void end() throws IOException {
        driver.close();
        if (dead) {
            disk.unmount(); // nothing of the driver's is left on it
        }
        disk.close();
    }

    /// An ext4 that is shut down still knows its files' inodes.
    private void on(Kind below) throws IOException {
        if (below != disk.kind()) {
            end();
            disk = LoopFileSystem.make(folder, "disk", below, 2048 * MIB);
            node = "n2"; // which has never seen the pool
            driver = driver(false);
        }
    }

    private TestDriver driver(boolean attach) throws IOException {
        return TestDriver.start(
                folder,
                node,
                "attach: %s\npools:\n  %s: {type: file, path: %s/disk/ssd-%s, shared: %s}\n"
                        .formatted(attach, attach ? "far" : "near", folder, attach, attach));
    }

    private void restart() throws IOException {
        driver.close();
        driver = driver(false);
    }

    private void kill() throws IOException {
        var mountPoint = disk.mountPoint().toString();
        Command.run(List.of("sync", "-f", mountPoint), Duration.ofSeconds(20));
        Command.run(List.of("xfs_io", "-x", "-c", "shutdown", mountPoint), Duration.ofSeconds(20));
        dead = true;
    }

    @ParameterizedTest
    @CsvSource({
        "XFS,ext4,false",
        "XFS,ext4,true",
        "XFS,xfs,false",
        "XFS,btrfs,true",
        "EXT4,ext4,false",
        "EXT4,xfs,true"
    })
    @DisplayName("65: a volume on a dead disk is unpublished, unstaged and detached")
    void aVolumeOnADeadDiskIsTakenDown(Kind below, String fileSystem, boolean restarted)
            throws Exception {
        on(below);
        var use = mount(fileSystem);
        var id = create("v", use);
        stage(id, use);
        publish(id, use, "target", false);
        Files.write(folder.resolve("target/file"), new byte[1 << 16]);
        kill();
        if (restarted) {
            restart();
        }

        unpublish(id, "target");
        unpublish(id, "target");
        unstage(id);
        unstage(id);
        assertThat(mounts()).isEmpty();
        assertThat(loops(id)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @DisplayName("65: so is a block volume, with the read-only device of a target")
    void aBlockVolumeOnADeadDiskIsTakenDown(boolean restarted) throws Exception {
        var id = create("b", block());
        stage(id, block());
        publish(id, block(), "writes", false);
        publish(id, block(), "reads", true);
        publish(id, block(), "reads-too", true);
        assertThat(loops(id)).hasSize(2);
        kill();
        if (restarted) {
            restart();
        }

        assertThat(refusal(() -> unstage(id)).getCode()).isEqualTo(Code.FAILED_PRECONDITION);
        unpublish(id, "reads");
        assertThat(loops(id)).hasSize(2);
        unpublish(id, "reads-too");
        unpublish(id, "writes");
        assertThat(loops(id)).hasSize(1);
        unstage(id);
        unstage(id);
        assertThat(mounts()).isEmpty();
        assertThat(loops(id)).isEmpty();
        assertThat(folder.resolve("reads")).doesNotExist();
    }

    @Test
    @DisplayName("65: an attached volume too; its record is on the dead disk and stays")
    void anAttachedVolumeOnADeadDiskIsTakenDown() throws Exception {
        driver.close();
        driver = driver(true);
        var id = driver.create("v");
        var context = driver.attach(id, TestDriver.NODE, MODE);
        var _ = driver.stage(id, context, MODE);
        var _ = driver.publish(id, context, "target", MODE, false);
        kill();

        driver.unpublish(id, "target");
        driver.unstage(id);
        assertThat(loops(id)).isEmpty();
        var refused = refusal(() -> driver.detach(id, TestDriver.NODE));
        assertThat(refused.getCode()).isIn(Code.UNAVAILABLE, Code.INTERNAL);
    }

    @Test
    @DisplayName("65: what holds a dead device is in the way of unstage")
    void aDeadDeviceThatIsHeldIsNotTakenForUnstaged() throws Exception {
        var use = mount("ext4");
        var id = create("v", use);
        stage(id, use);
        var elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
        var device = loops(id).getFirst();
        Mounts.mount("ext4", device.toString(), elsewhere, Set.of(), List.of());
        kill();

        var refused = refusal(() -> unstage(id));
        assertThat(refused.getCode()).isEqualTo(Code.FAILED_PRECONDITION);
        assertThat(refused.getDescription()).contains(elsewhere.toString());
        Mounts.unmount(elsewhere);
        unstage(id);
        assertThat(loops(id)).isEmpty();
    }

    @Test
    @DisplayName(
            "65: a dead device that no mount of ours shows is refused to no teardown, and kept")
    void aDeadDeviceOfSomebodyElseIsLeftAlone() throws Exception {
        var use = mount("ext4");
        var id = create("v", use);
        var image = folder.resolve("disk/ssd-false/volumes").resolve(id).resolve("image");
        var foreign = LoopDevices.attach(image, "stowage-test:foreign", 512, true);
        kill();

        unpublish(id, "target");
        unstage(id);
        assertThat(loops(id)).containsExactly(foreign.path());
        Command.run(List.of("losetup", "-d", foreign.path().toString()), Duration.ofSeconds(10));
    }

    @Test
    @DisplayName("65: a disk that died and came back: what may be in use is not deleted")
    void aVolumeWhoseDeviceCanNotBeReadCountsAsInUse() throws Exception {
        var use = mount("ext4");
        var id = create("v", use);
        var unused = create("unused", use);
        stage(id, use);
        publish(id, use, "target", false);
        var image = disk.image().resolveSibling("copy.img");
        kill();
        var device = loops(id).getFirst();
        driver.close();
        Files.copy(disk.image(), image);
        Command.run(List.of("umount", "-l", disk.mountPoint().toString()), Duration.ofSeconds(10));
        var copy = LoopDevices.attach(image, "stowage-test:copy", 512, false);
        try {
            mountAgain(copy);
            driver = driver(false);

            requireRefused(device, () -> driver.delete(id));
            requireRefused(device, () -> stage(id, use, "other"));
            requireRefused(device, () -> publish(id, use, "second", false));
            requireRefused(device, () -> snapshot(id));
            requireRefused(device, () -> expandOnNode(id));
            assertThat(folder.resolve("disk/ssd-false/volumes").resolve(id)).isDirectory();
            assertThat(health(id)).anyMatch(h -> h.getReason().equals("DeviceUnreadable"));

            stage(unused, use, "unused");
            unstage(unused, "unused");
            driver.delete(unused);
            unpublish(id, "target");
            unstage(id);
            assertThat(loops(id)).isEmpty();
            driver.delete(id);
        } finally {
            driver.close();
            dead = false;
            Mounts.unmount(disk.mountPoint());
            LoopDevices.detach(copy);
        }
    }

    /// The kernel tells of another file than the image that is there now.
    @Test
    @DisplayName("65: nor is one whose device is on the mount that was there before")
    void aVolumeOnAnEarlierMountOfItsPoolCountsAsInUse() throws Exception {
        var use = mount("ext4");
        var id = create("v", use);
        stage(id, use);
        publish(id, use, "target", false);
        driver.close();
        Command.run(List.of("sync"), Duration.ofSeconds(60));
        var image = Files.copy(disk.image(), disk.image().resolveSibling("copy.img"));
        var path = disk.mountPoint().toString();
        Command.run(List.of("umount", "-l", path), Duration.ofSeconds(10));
        var copy = LoopDevices.attach(image, "stowage-test:copy", 512, false);
        try {
            mountAgain(copy);
            driver = driver(false);
            var refused = refusal(() -> driver.delete(id));
            assertThat(refused.getCode()).isEqualTo(Code.FAILED_PRECONDITION);
            assertThat(refused.getDescription()).contains("is in use on this machine");
            unpublish(id, "target");
            unstage(id);
            driver.delete(id);
        } finally {
            driver.close();
            Mounts.unmount(disk.mountPoint());
            LoopDevices.detach(copy);
        }
    }

    /// FUSE passes a folder through; its program is killed, so all that asks it is ENOTCONN.
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @DisplayName("65: the same where the file system below the pool was a program that died")
    void aVolumeWhosePoolWasAProgramThatDied(boolean back) throws Exception {
        driver.close();
        node = "n2";
        disk.unmount();
        var program = FuseDisk.mount(folder, disk.mountPoint());
        try {
            driver = driver(false);
            var use = mount("ext4");
            var id = create("v", use);
            stage(id, use);
            publish(id, use, "target", false);
            var device = loops(id).getFirst();
            driver.close();
            program.die();
            if (back) {
                program.close();
                program = FuseDisk.mount(folder, disk.mountPoint());
            }
            driver = driver(false);
            if (back) { // some kernels still tell which file of the dead mount it is
                var refused = refusal(() -> driver.delete(id));
                assertThat(refused.getCode()).isEqualTo(Code.FAILED_PRECONDITION);
                assertThat(refused.getDescription()).contains(device.toString());
            }
            unpublish(id, "target");
            unstage(id);
            assertThat(loops(id)).isEmpty();
            if (back) {
                driver.delete(id);
            }
        } finally {
            driver.close();
            program.close();
        }
    }

    private void mountAgain(LoopDevice copy) throws IOException {
        Mounts.mount("xfs", copy.path().toString(), disk.mountPoint(), Set.of(), List.of("nouuid"));
    }

    private void requireRefused(Path device, Call call) throws Exception {
        var refused = refusal(call);
        assertThat(refused.getCode()).isEqualTo(Code.FAILED_PRECONDITION);
        assertThat(refused.getDescription())
                .contains(device.toString(), "LOOP_GET_STATUS64", "losetup -d " + device);
    }

    private interface Call {
        void run() throws Exception;
    }

    private static Status refusal(Call call) throws Exception {
        return TestDriver.refusal(
                () -> {
                    call.run();
                    return Map.of();
                });
    }

    private String create(String name, VolumeCapability use) {
        return driver.controller()
                .createVolume(
                        CreateVolumeRequest.newBuilder()
                                .setName(name)
                                .setCapacityRange(
                                        CapacityRange.newBuilder().setRequiredBytes(32 * MIB))
                                .addVolumeCapabilities(use)
                                .build())
                .getVolume()
                .getVolumeId();
    }

    private void stage(String id, VolumeCapability use) throws IOException {
        stage(id, use, "staging");
    }

    private void stage(String id, VolumeCapability use, String staging) throws IOException {
        var path = Files.createDirectories(folder.resolve(staging));
        var _ =
                driver.node()
                        .nodeStageVolume(
                                NodeStageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(path.toString())
                                        .setVolumeCapability(use)
                                        .build());
    }

    private void publish(String id, VolumeCapability use, String target, boolean readOnly) {
        var _ =
                driver.node()
                        .nodePublishVolume(
                                NodePublishVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(folder.resolve("staging").toString())
                                        .setTargetPath(folder.resolve(target).toString())
                                        .setVolumeCapability(use)
                                        .setReadonly(readOnly)
                                        .build());
    }

    private void unpublish(String id, String target) {
        var _ =
                driver.node()
                        .nodeUnpublishVolume(
                                NodeUnpublishVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setTargetPath(folder.resolve(target).toString())
                                        .build());
    }

    private void unstage(String id) {
        unstage(id, "staging");
    }

    private void unstage(String id, String staging) {
        var _ =
                driver.node()
                        .nodeUnstageVolume(
                                NodeUnstageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(folder.resolve(staging).toString())
                                        .build());
    }

    private void snapshot(String id) {
        var _ =
                driver.controller()
                        .createSnapshot(
                                CreateSnapshotRequest.newBuilder()
                                        .setName("s")
                                        .setSourceVolumeId(id)
                                        .build());
    }

    private void expandOnNode(String id) {
        var _ =
                driver.node()
                        .nodeExpandVolume(
                                csi.v1.NodeExpandVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setVolumePath(folder.resolve("target").toString())
                                        .setCapacityRange(
                                                CapacityRange.newBuilder()
                                                        .setRequiredBytes(64 * MIB))
                                        .build());
    }

    private List<VolumeHealthEntry> health(String id) {
        return driver.node()
                .nodeGetVolumeHealth(
                        NodeGetVolumeHealthRequest.newBuilder().setVolumeId(id).build())
                .getVolumeHealth()
                .getHealthStatusesList();
    }

    private static VolumeCapability mount(String fileSystem) {
        return TestDriver.mount(MODE).toBuilder()
                .setMount(VolumeCapability.MountVolume.newBuilder().setFsType(fileSystem))
                .build();
    }

    private static VolumeCapability block() {
        return TestDriver.mount(MODE).toBuilder()
                .setBlock(VolumeCapability.BlockVolume.getDefaultInstance())
                .build();
    }

    private List<String> mounts() throws IOException {
        return MountTable.read().mounts().stream()
                .map(MountPoint::path)
                .filter(path -> path.startsWith(folder + "/"))
                .filter(path -> !path.equals(disk.mountPoint().toString()))
                .toList();
    }

    /// As sysfs has them, which asks no file system.
    private static List<Path> loops(String id) throws IOException {
        try (var blocks = Files.list(Path.of("/sys/block"))) {
            return blocks.filter(block -> isOf(block, id))
                    .map(block -> Path.of("/dev").resolve(block.getFileName()))
                    .sorted()
                    .toList();
        }
    }

    private static boolean isOf(Path block, String id) {
        try {
            return Files.readString(block.resolve("loop/backing_file"))
                    .contains("/" + id + "/image");
        } catch (IOException e) {
            return false;
        }
    }
}
