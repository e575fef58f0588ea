package dev.stowage;

import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.ListVolumesRequest;
import dev.stowage.linux.Command;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 71: one pool under two names of the configuration.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class TwoNamesTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @ParameterizedTest
    @CsvSource({"link, true", "link, false", "bind, true", "bind, false", "again, true"})
    @DisplayName("71: of two names for one folder the first in order is used, the other refused")
    void ofTwoNamesForOneFolderTheFirstIsUsed(String way, boolean shared) throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, 600 * MIB)) {
            Files.createDirectory(disk.mountPoint().resolve("pool"));
            var other = folder.resolve("other");
            reach(disk, other, way);
            try {
                for (var round = 0; round < 3; round++) {
                    check(disk.mountPoint().resolve("pool"), other.resolve("pool"), shared);
                    check(other.resolve("pool"), disk.mountPoint().resolve("pool"), shared);
                }
            } finally {
                if (!way.equals("link")) {
                    run("umount", other.toString());
                }
                Files.delete(other);
            }
        }
    }

    private static void reach(LoopFileSystem disk, Path other, String way) throws IOException {
        switch (way) {
            case "link" -> Files.createSymbolicLink(other, disk.mountPoint());
            case "bind" -> {
                Files.createDirectory(other);
                run("mount", "--bind", disk.mountPoint().toString(), other.toString());
            }
            default -> {
                Files.createDirectory(other);
                run("mount", disk.device().path().toString(), other.toString());
            }
        }
    }

    private void check(Path first, Path second, boolean shared) throws Exception {
        try (var driver = start(first, second, shared)) {
            var id = create(driver, "a", "data");
            assertThat(create(driver, "a", "data")).isEqualTo(id);
            var refused = refusal(() -> create(driver, "b", "data"));
            assertThat(refused.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(refused.getDescription())
                    .contains("pools.a", "pools.b", first.toString(), second.toString());
            assertThat(volumes(driver)).containsExactly(id);
            driver.delete(id);
        }
    }

    /// A copy of a disk has the same pool on it, and volumes of the same ids.
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @DisplayName("71: a pool and a copy of it are not used at the same time")
    void aPoolAndItsCopyAreNotUsedTogether(boolean shared) throws Exception {
        var first = folder.resolve("first");
        var copy = folder.resolve("copy");
        try (var driver = start(first, folder.resolve("none/at/all"), shared)) {
            assertThat(create(driver, "a", "data")).isNotEmpty();
        }
        run("cp", "-a", first.toString(), copy.toString());
        try (var driver = start(first, copy, shared)) {
            var refused = refusal(() -> create(driver, "b", "data"));
            assertThat(refused.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(refused.getDescription()).contains("pools.a", "pools.b", "same pool");
            assertThat(volumes(driver)).hasSize(1);
        }
    }

    /// The name that comes first was another pool, whose disk is away.
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @DisplayName("71: a name that can't be used itself keeps no other from its pool")
    void aNameThatIsRefusedItselfIsNotInTheWay(boolean shared) throws Exception {
        var first = folder.resolve("first");
        var second = folder.resolve("second");
        String id;
        try (var driver = start(first, second, shared)) {
            assertThat(create(driver, "a", "data")).isNotEmpty();
            id = create(driver, "b", "data");
        }
        run("mount", "--bind", second.toString(), first.toString());
        try (var driver = start(first, second, shared)) {
            Polling.await("b is used", PATIENCE, () -> volumes(driver).contains(id));
            var refused = refusal(() -> create(driver, "a", "data"));
            assertThat(refused.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(refused.getDescription()).containsAnyOf("was here before", "is used");
        } finally {
            run("umount", first.toString());
        }
        try (var driver = start(first, second, shared)) {
            assertThat(volumes(driver)).hasSize(2);
        }
    }

    /// The second name would otherwise take the pool for its own, and the empty folder of the first
    /// would count as a new place.
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @DisplayName("71: a pool whose mount goes away is not made anew, nor used by its other name")
    void aMountThatGoesAwayIsNotTakenForANewPool(boolean shared) throws Exception {
        var first = Files.createDirectory(folder.resolve("first"));
        var second = Files.createDirectory(folder.resolve("second"));
        run("mount", "--bind", second.toString(), first.toString());
        try (var driver = start(first, second, shared)) {
            var id = create(driver, "a", "data");
            run("umount", "-l", first.toString());
            Polling.await("a is given up", PATIENCE, () -> volumes(driver).isEmpty());
            for (var round = 0; round < 2; round++) {
                TimeUnit.SECONDS.sleep(6); // longer than the driver waits before it tries again
                assertThat(volumes(driver)).isEmpty();
                assertThat(refusal(() -> create(driver, "b", "data")).getDescription())
                        .contains("which was used last as pool a");
            }
            assertThat(first).isEmptyDirectory();
            run("mount", "--bind", second.toString(), first.toString());
            Polling.await("a is used", PATIENCE, () -> volumes(driver).equals(List.of(id)));
        } finally {
            run("umount", first.toString());
        }
    }

    private TestDriver start(Path first, Path second, boolean shared) throws IOException {
        return TestDriver.start(
                folder,
                NODE,
                """
                attach: %s
                defaultPool: a
                pools:
                  b: {type: file, path: %s, shared: %s}
                  a: {type: file, path: %s, shared: %s}
                """
                        .formatted(shared, second, shared, first, shared));
    }

    private static String create(TestDriver driver, String pool, String name) {
        var request =
                TestDriver.createRequest(name).toBuilder().putParameters("pool", pool).build();
        return driver.controller().createVolume(request).getVolume().getVolumeId();
    }

    private static List<String> volumes(TestDriver driver) {
        return driver
                .controller()
                .listVolumes(ListVolumesRequest.getDefaultInstance())
                .getEntriesList()
                .stream()
                .map(entry -> entry.getVolume().getVolumeId())
                .toList();
    }

    private static void run(String... command) throws IOException {
        var _ = Command.run(List.of(command), PATIENCE);
    }
}
