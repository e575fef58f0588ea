package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.client.CsiClient;
import dev.stowage.client.SnapshotClient;
import dev.stowage.client.VolumeClient;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.ServeProcess;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Mode central as the chart deploys it: a node's driver that is root, and on the same machine a
/// controller that is not.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class NonRootControllerTest {
    private static final int USER = 65532;
    private static final long MIB = TestDriver.MIB;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private Path pool;

    @SuppressWarnings("NullAway.Init")
    private Path controllers;

    @SuppressWarnings("NullAway.Init")
    private String yaml;

    @BeforeEach
    void prepare() throws IOException {
        for (var above : List.of(TestFolder.root(), folder)) {
            Files.setPosixFilePermissions(above, PosixFilePermissions.fromString("rwx--x--x"));
        }
        copyProgram();
        controllers = Files.createDirectory(folder.resolve("controller"));
        own(controllers);
        pool = Files.createDirectory(folder.resolve("ssd"));
        yaml = "attach: true\npools: {ssd: {type: file, path: %s, shared: true}}\n".formatted(pool);
        // As in a cluster, where both have the host's folder.
        Files.createSymbolicLink(controllers.resolve("state-n1"), folder.resolve("state-n1"));
    }

    @Test
    void aVolumeLivesItsWholeLifeAndAllInThePoolBelongsToItsOwner() throws Exception {
        own(pool);
        try (var node = startNode();
                var controller = startController();
                var ofNode = new CsiClient(node.socket());
                var ofController = new CsiClient(controller.socket())) {
            var capability = TestDriver.mount(SINGLE_NODE_WRITER);
            var volume = new VolumeClient(ofController, capability);
            volume.create("data", 32 * MIB);
            use(volume, ofNode, "written");
            var snapshots = new SnapshotClient(ofController);
            var snapshot = snapshots.create("before", volume.id()).getSnapshotId();
            Polling.await(
                    "the copy",
                    PATIENCE,
                    () -> snapshots.create("before", volume.id()).getReadyToUse());
            volume.expand(64 * MIB);
            use(volume, ofNode, "grown");
            var restored = new VolumeClient(ofController, capability);
            restored.restore("copy", 48 * MIB, snapshot);
            var members = List.of(volume.id(), restored.id());
            var group = snapshots.createGroup("both", members);
            Polling.await(
                    "the copies",
                    PATIENCE,
                    () -> snapshots.createGroup("both", members).getReadyToUse());
            use(restored, ofNode, "restored");
            assertThat(strangers()).isEmpty();

            snapshots.deleteGroup(group);
            snapshots.delete(snapshot);
            restored.delete();
            volume.delete();
            Polling.await(
                    "nothing is left",
                    PATIENCE,
                    () -> filesOf("volumes", "snapshots", "groups", ".trash") == 0);
        }
        assertThat(strangers()).isEmpty();
        assertThat(filesOf(".incoming")).isZero();
    }

    /// Attached, staged, published, and back again.
    private void use(VolumeClient volume, CsiClient node, String word) throws IOException {
        var staging = Files.createDirectories(folder.resolve("staging"));
        var target = folder.resolve("target");
        volume.attach("n1");
        volume.stage(node, staging);
        volume.publish(node, staging, target);
        Files.writeString(target.resolve(word), word);
        if (!word.equals("written")) {
            assertThat(target.resolve("written")).hasContent("written");
        }
        volume.unpublish(node, target);
        volume.unstage(node, staging);
        volume.detach("n1");
    }

    @Test
    void aPoolOfRootIsRefusedWithWhatToDoAndWorksOnceThatIsDone() throws Exception {
        try (var node = startNode();
                var controller = startController();
                var client = new CsiClient(controller.socket())) {
            var words =
                    "this driver runs as user 65532, and %s belongs to 0:0; give it the folder with all that is in it (chown -R 65532:65532 %s)"
                            .formatted(pool, pool);
            assertThat(refusal(client).getDescription()).contains(words);
            assertThat(controller.log()).contains(words);
            own(pool);
            var inside = refusalAfterAWhile(client, "%s belongs to 0:0".formatted(pool));
            assertThat(inside.getDescription()).contains("chown -R 65532:65532 " + pool);

            try (var all = Files.walk(pool)) {
                all.forEach(NonRootControllerTest::ownUnchecked);
            }

            awaitVolume(client);
            assertThat(node.log()).contains("pool ssd at " + pool);
            assertThat(strangers()).isEmpty();
        }
    }

    /// The driver that was there before the owner was changed follows too.
    @Test
    void whatIsMadeAfterTheOwnerChangedBelongsToTheNewOne() throws Exception {
        try (var node = startNode();
                var ofNode = new CsiClient(node.socket())) {
            try (var all = Files.walk(pool)) {
                all.forEach(NonRootControllerTest::ownUnchecked);
            }
            try (var controller = startController();
                    var client = new CsiClient(controller.socket())) {
                var volume = new VolumeClient(client, TestDriver.mount(SINGLE_NODE_WRITER));
                volume.create("data", 32 * MIB);
                use(volume, ofNode, "written");
                assertThat(strangers()).isEmpty();
                volume.delete();
            }
        }
    }

    /// Failure case 33, for the driver that keeps no memory of its own.
    @Test
    void aControllerMakesNoPoolAndTakesNoOther() throws Exception {
        own(pool);
        try (var controller = startController();
                var client = new CsiClient(controller.socket())) {
            var refused = refusal(client);
            assertThat(refused.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(refused.getDescription())
                    .contains(pool + " has no pool in it, and a controller makes no pool");
            assertThat(pool).isEmptyDirectory();
            try (var _ = startNode()) {
                awaitVolume(client);
            }
        }
        Files.move(pool, folder.resolve("first"));
        own(Files.createDirectory(pool));
        assertThat(newController()).contains("has no pool in it, but pool").contains("was here");
        Files.delete(pool);
        assertThat(newController()).contains(pool + " is not there");
        own(Files.createDirectory(pool));
        try (var other = ServeProcess.start(folder, "n2", yaml, "--role=node")) {
            other.awaitReady();
        }
        assertThat(newController()).contains("holds pool").contains("was here before");
    }

    /// What a controller that starts now says of the pool.
    private String newController() throws Exception {
        try (var controller = startController();
                var client = new CsiClient(controller.socket())) {
            var refused = refusal(client);
            assertThat(refused.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            return String.valueOf(refused.getDescription());
        }
    }

    private ServeProcess startNode() throws IOException {
        var node = ServeProcess.start(folder, "n1", yaml, "--role=node");
        node.awaitReady();
        return node;
    }

    private ServeProcess startController() throws IOException {
        var controller =
                ServeProcess.startAs(
                        USER,
                        folder.resolve("program"),
                        controllers,
                        "n1",
                        yaml,
                        "--role=controller");
        controller.awaitReady();
        return controller;
    }

    private static Status refusal(CsiClient client) throws Exception {
        return TestDriver.refusal(
                () -> client.controller().createVolume(TestDriver.createRequest("data")));
    }

    /// A refused pool is tried again every few seconds.
    private static Status refusalAfterAWhile(CsiClient client, String not) throws Exception {
        Polling.await(
                "another refusal",
                PATIENCE,
                () -> !String.valueOf(refusal(client).getDescription()).contains(not));
        return refusal(client);
    }

    private static void awaitVolume(CsiClient client) throws Exception {
        Polling.await(
                "a volume",
                PATIENCE,
                () -> {
                    try {
                        return client.controller()
                                .createVolume(TestDriver.createRequest("data"))
                                .hasVolume();
                    } catch (StatusRuntimeException e) {
                        return false;
                    }
                });
    }

    /// What in the pool does not belong to its owner.
    private List<String> strangers() throws IOException {
        try (var all = Files.walk(pool)) {
            return all.filter(file -> !isOwn(file)).map(Path::toString).toList();
        }
    }

    private static boolean isOwn(Path file) {
        try {
            var stat = Linux.lstat(file);
            return stat.uid() == USER && stat.gid() == USER;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private long filesOf(String... parts) throws IOException {
        var count = 0L;
        for (var part : parts) {
            try (var entries = Files.list(pool.resolve(part))) {
                count += entries.count();
            }
        }
        return count;
    }

    private static void own(Path file) throws IOException {
        try (var fd = Fd.open(file, OpenFlags.O_NOFOLLOW)) {
            fd.changeOwner(USER, USER);
        }
    }

    private static void ownUnchecked(Path file) {
        try {
            own(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// This JVM's class path lies where only root may look.
    private void copyProgram() throws IOException {
        var program = Files.createDirectory(folder.resolve("program"));
        for (var entry : System.getProperty("java.class.path").split(":")) {
            var from = Path.of(entry);
            if (Files.isRegularFile(from)) {
                Files.copy(from, program.resolve(from.getFileName()));
            } else if (from.endsWith("target/classes")) {
                copyTree(from, program.resolve("classes"));
            }
        }
    }

    private static void copyTree(Path from, Path to) throws IOException {
        try (var all = Files.walk(from)) {
            for (var file : all.toList()) {
                Files.copy(file, to.resolve(from.relativize(file)));
            }
        }
    }
}
