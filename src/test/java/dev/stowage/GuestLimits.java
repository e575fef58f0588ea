package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;

import csi.v1.CapacityRange;
import csi.v1.ControllerExpandVolumeRequest;
import csi.v1.ControllerModifyVolumeRequest;
import csi.v1.NodeExpandVolumeRequest;
import csi.v1.NodeGetVolumeStatsRequest;
import dev.stowage.testing.Guest;
import dev.stowage.testing.Polling;
import dev.stowage.testing.TestDriver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;

/// Runs in a guest with cgroup v2: the driver, a volume with limits, and what a pod would do with
/// it. Tells what it finds; [GuestLimitsTest] judges.
final class GuestLimits {
    private static final Path CGROUP = Path.of("/sys/fs/cgroup");
    private static final Path PODS = CGROUP.resolve("kubepods.slice");
    private static final Path POD = PODS.resolve("kubepods-pod1.slice");
    private static final Path FOLDER = Path.of("/mnt/driver");
    private static final String NODE = "n1";

    /// More than the interval in which the node looks.
    private static final Duration SECONDS = Duration.ofSeconds(60);

    private GuestLimits() {}

    public static void main(String[] arguments) throws Exception {
        makeGroups();
        Files.createDirectory(FOLDER);
        String id;
        Path mounted;
        try (var driver = TestDriver.central(FOLDER, NODE)) {
            id = create(driver);
            var context = driver.attach(id, NODE, SINGLE_NODE_WRITER);
            var _ = driver.stage(id, context, SINGLE_NODE_WRITER);
            mounted = driver.publish(id, context, "pod", SINGLE_NODE_WRITER, false);
            Guest.tell("staged", limits());
            measure("limited", mounted);
            modify(driver, id, Map.of("writeIops", "20", "readBytesPerSecond", "unlimited"));
            awaitLimits(limits -> limits.contains("wiops=20"));
            Guest.tell("changed", limits());
            tellSeconds("changed 60 writes", () -> write(mounted, 4 << 10, 60, "oflag=direct"));
            grow(driver, id, driver.staging(id));
            modify(driver, id, Map.of("readBytesPerSecond", "unlimited"));
            awaitLimits(String::isEmpty);
            measure("unlimited", mounted);
            modify(driver, id, Map.of("readIops", "1000"));
            awaitLimits(limits -> limits.contains("riops=1000"));
        }
        clear();
        try (var driver = TestDriver.central(FOLDER, NODE)) {
            awaitLimits(limits -> limits.contains("riops=1000"));
            Guest.tell("restarted", limits());
            driver.unpublish(id, "pod");
            driver.unstage(id);
            Guest.tell("unstaged", limits());
        }
        System.exit(0);
    }

    /// As the kubelet makes them, but for the io controller, which the driver must switch on.
    private static void makeGroups() throws IOException {
        Files.createDirectories(POD);
        Files.writeString(CGROUP.resolve("cgroup.subtree_control"), "+memory");
        Files.writeString(PODS.resolve("cgroup.subtree_control"), "+memory");
    }

    private static String create(TestDriver driver) {
        var request =
                TestDriver.createRequest("v").toBuilder()
                        .putParameters("readBytesPerSecond", "1Mi")
                        .putModifiableParameters("writeBytesPerSecond", "1Mi")
                        .build();
        return driver.controller().createVolume(request).getVolume().getVolumeId();
    }

    private static void modify(TestDriver driver, String id, Map<String, String> parameters) {
        var _ =
                driver.controller()
                        .controllerModifyVolume(
                                ControllerModifyVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .putAllMutableParameters(parameters)
                                        .build());
    }

    private static void grow(TestDriver driver, String id, Path staging) {
        var size = CapacityRange.newBuilder().setRequiredBytes(256 * TestDriver.MIB);
        Guest.tell("bytes before growth", totalBytes(driver, id, staging));
        var _ =
                driver.controller()
                        .controllerExpandVolume(
                                ControllerExpandVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setCapacityRange(size)
                                        .build());
        var _ =
                driver.node()
                        .nodeExpandVolume(
                                NodeExpandVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setVolumePath(staging.toString())
                                        .setCapacityRange(size)
                                        .build());
        Guest.tell("bytes after growth", totalBytes(driver, id, staging));
    }

    private static long totalBytes(TestDriver driver, String id, Path path) {
        return driver.node()
                .nodeGetVolumeStats(
                        NodeGetVolumeStatsRequest.newBuilder()
                                .setVolumeId(id)
                                .setVolumePath(path.toString())
                                .build())
                .getUsage(0)
                .getTotal();
    }

    private static void measure(String how, Path mounted) throws Exception {
        tellSeconds(how + " direct write", () -> write(mounted, 64 << 10, 64, "oflag=direct"));
        tellSeconds(how + " direct read", () -> read(mounted));
        tellSeconds(how + " buffered write", () -> write(mounted, 64 << 10, 64, "conv=fsync"));
    }

    private interface Work {
        void run() throws Exception;
    }

    private static void tellSeconds(String what, Work work) throws Exception {
        var start = System.nanoTime();
        work.run();
        Guest.tell(what, "%.2f".formatted((System.nanoTime() - start) / 1e9));
    }

    private static void write(Path folder, int bytes, int count, String how) throws Exception {
        inPod("dd if=/dev/zero of=%s/file bs=%d count=%d %s".formatted(folder, bytes, count, how));
    }

    private static void read(Path folder) throws Exception {
        inPod("dd if=%s/file of=/dev/null bs=64k iflag=direct".formatted(folder));
    }

    private static void inPod(String command) throws Exception {
        var script = "echo $$ > %s/cgroup.procs; exec %s".formatted(POD, command);
        var process = new ProcessBuilder("sh", "-c", script).inheritIO().start();
        if (process.waitFor() != 0) {
            throw new IOException(command + " failed");
        }
    }

    /// What the kernel holds pods to, but the number of the device.
    private static String limits() throws IOException {
        return Files.readString(PODS.resolve("io.max")).strip().replaceFirst("^[0-9:]+ ", "");
    }

    private interface Wanted {
        boolean met(String limits);
    }

    private static void awaitLimits(Wanted wanted) throws Exception {
        var start = System.nanoTime();
        Polling.await("limits are not " + limits(), SECONDS, () -> wanted.met(limits()));
        Guest.tell("seconds until a change", (System.nanoTime() - start) / 1_000_000_000);
    }

    /// What happens when systemd switches the controller off and on, while no driver runs.
    private static void clear() throws IOException {
        var file = PODS.resolve("io.max");
        var device = Objects.requireNonNull(Files.readString(file).split(" ")[0]);
        Files.writeString(file, device + " rbps=max wbps=max riops=max wiops=max");
        Guest.tell("cleared", limits());
    }
}
