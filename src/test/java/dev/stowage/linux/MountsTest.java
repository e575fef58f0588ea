package dev.stowage.linux;

import static dev.stowage.linux.Mounts.MountAttribute.NOATIME;
import static dev.stowage.linux.Mounts.MountAttribute.NODEV;
import static dev.stowage.linux.Mounts.MountAttribute.NOEXEC;
import static dev.stowage.linux.Mounts.MountAttribute.NOSUID;
import static dev.stowage.linux.Mounts.MountAttribute.NOSYMFOLLOW;
import static dev.stowage.linux.Mounts.MountAttribute.READ_ONLY;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.Mounts.MountAttribute;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.LoopFileSystem.Kind;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class MountsTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    private LoopFileSystem volume;
    private Path target;

    @BeforeEach
    void makeAFileSystem() throws Exception {
        volume = LoopFileSystem.make(folder, Kind.EXT4, Kind.EXT4.leastBytes());
        target = Files.createDirectory(folder.resolve("target"));
    }

    @AfterEach
    void removeIt() throws Exception {
        for (var line = mountsAt(target); !line.isEmpty(); line = mountsAt(target)) {
            Mounts.unmount(target);
        }
        volume.close();
    }

    private static List<String> mountsAt(Path place) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/mountinfo"), ISO_8859_1).stream()
                .filter(line -> line.split(" ")[4].equals(place.toString()))
                .toList();
    }

    private static Set<String> attributesAt(Path place) throws IOException {
        return Set.of(mountsAt(place).getFirst().split(" ")[5].split(","));
    }

    private void mountAgain(Set<MountAttribute> attributes, List<String> options)
            throws IOException {
        volume.unmount();
        Mounts.mount(
                "ext4",
                volume.device().path().toString(),
                volume.mountPoint(),
                attributes,
                options);
    }

    @Test
    void aMountHasItsAttributesAndOptions() throws Exception {
        mountAgain(Set.of(NOSUID, NODEV, NOATIME), List.of("commit=17", "noquota"));
        assertThat(attributesAt(volume.mountPoint()))
                .containsExactlyInAnyOrder("rw", "nosuid", "nodev", "noatime");
        assertThat(mountsAt(volume.mountPoint()).getFirst()).contains("commit=17");
    }

    @Test
    void roMakesTheSuperblockReadOnly() throws Exception {
        mountAgain(Set.of(READ_ONLY), List.of("ro"));
        assertThat(mountsAt(volume.mountPoint()).getFirst())
                .containsPattern(" - ext4 /dev/loop\\d+ ro");
        assertThat(Linux.statfs(volume.mountPoint()).readOnly()).isTrue();
    }

    @Test
    void aRefusedOptionIsToldInTheFileSystemsWords() throws Exception {
        volume.unmount();
        assertThatThrownBy(
                        () ->
                                Mounts.mount(
                                        "ext4",
                                        volume.device().path().toString(),
                                        volume.mountPoint(),
                                        Set.of(),
                                        List.of("nonsense=1")))
                .isInstanceOf(ErrnoException.class)
                .hasMessageStartingWith(
                        "fsconfig(" + volume.device().path() + " as ext4, option nonsense)")
                .hasMessageContaining("EINVAL")
                .hasMessageContaining("Unknown parameter 'nonsense'");
        assertThat(mountsAt(volume.mountPoint())).isEmpty();
        volume.mount();
    }

    @Test
    @DisplayName(
            "13: an option's value is passed whole, commas and equals signs too, as SELinux's context needs")
    void anOptionsValueMayContainCommas() throws Exception {
        try (var context = FsContext.open("tmpfs", "none");
                var place = Fd.open(target, OpenFlags.O_PATH)) {
            // the one option that every kernel shows as it got it
            context.set("source=u:r:t:s0:c1,c2=x");
            context.create();
            try (var mount = context.mount(0)) {
                Mounts.move(mount, place);
            }
        }
        assertThat(mountsAt(target).getFirst()).contains(" - tmpfs u:r:t:s0:c1,c2=x ");
    }

    @Test
    void anUnknownFileSystemIsEnodev() {
        assertThatThrownBy(() -> Mounts.mount("nofs", "none", target, Set.of(), List.of()))
                .isInstanceOfSatisfying(
                        ErrnoException.class,
                        e -> {
                            assertThat(e.errno()).isEqualTo(Errno.ENODEV);
                            assertThat(e.call()).isEqualTo("fsopen");
                        });
    }

    @Test
    void aMissingTargetOrDeviceIsNamed() {
        assertThatThrownBy(
                        () ->
                                Mounts.mount(
                                        "tmpfs", "none", folder.resolve("no"), Set.of(), List.of()))
                .hasMessageContaining(folder + "/no")
                .hasMessageContaining("ENOENT");
        assertThatThrownBy(
                        () -> Mounts.mount("ext4", folder + "/nodev", target, Set.of(), List.of()))
                .hasMessageContaining(folder + "/nodev")
                .hasMessageContaining("ENOENT");
    }

    @Test
    @DisplayName("18: a symlink as target is not followed, nor one as source of a bind")
    void symlinksAreNotFollowed() throws Exception {
        var link = Files.createSymbolicLink(folder.resolve("link"), target);
        for (var refused :
                List.<ThrowingCallable>of(
                        () -> Mounts.mount("tmpfs", "none", link, Set.of(), List.of()),
                        () -> Mounts.bind(volume.mountPoint(), link, Set.of()),
                        () -> Mounts.bind(link, volume.mountPoint(), Set.of()))) {
            assertThatThrownBy(refused)
                    .isInstanceOfSatisfying(
                            ErrnoException.class,
                            e -> assertThat(e.errno()).isEqualTo(Errno.ELOOP));
        }
        Mounts.bind(volume.mountPoint(), target, Set.of());
        assertThatThrownBy(() -> Mounts.unmount(link)).hasMessageContaining("EINVAL");
        assertThat(mountsAt(target)).hasSize(1);
    }

    @Test
    @DisplayName("22: a read-only bind refuses writes from its first instant")
    void aReadOnlyBindIsNeverWritable() throws Exception {
        var place = target.resolve("probe");
        var stop = new AtomicBoolean();
        var written = new AtomicInteger();
        var writer =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    // Creates the file wherever `target` leads at that moment; on
                                    // the volume it must never appear.
                                    while (!stop.get()) {
                                        try (var _ =
                                                Fd.open(
                                                        place,
                                                        OpenFlags.O_RDWR | OpenFlags.O_CREAT,
                                                        0600)) {
                                            written.incrementAndGet();
                                        } catch (ErrnoException e) {
                                            if (!e.is(Errno.EROFS)) {
                                                throw new IllegalStateException(e);
                                            }
                                        }
                                    }
                                });
        try {
            for (var i = 0; i < 200; i++) {
                Mounts.bind(volume.mountPoint(), target, Set.of(READ_ONLY, NOSUID, NODEV));
                unmountPatiently();
            }
        } finally {
            stop.set(true);
            writer.join();
        }
        assertThat(written).hasPositiveValue();
        assertThat(volume.mountPoint().resolve("probe")).doesNotExist();
    }

    /// The writer has a file below open for moments.
    private void unmountPatiently() throws Exception {
        Polling.await(
                "unmount",
                Duration.ofSeconds(5),
                () -> {
                    try {
                        Mounts.unmount(target);
                        return true;
                    } catch (ErrnoException e) {
                        if (e.is(Errno.EBUSY)) {
                            return false;
                        }
                        throw e;
                    }
                });
    }

    @Test
    void aBindHasExactlyItsAttributes() throws Exception {
        mountAgain(Set.of(NOSUID, NODEV, NOATIME), List.of());
        Mounts.bind(volume.mountPoint(), target, Set.of(NOEXEC, NOSYMFOLLOW));
        assertThat(attributesAt(target))
                .containsExactlyInAnyOrder("rw", "noexec", "noatime", "nosymfollow");
        Mounts.unmount(target);
        Mounts.bind(volume.mountPoint(), target, Set.of(READ_ONLY, MountAttribute.STRICTATIME));
        assertThat(attributesAt(target)).containsExactly("ro");
        assertThat(attributesAt(volume.mountPoint())).contains("rw");
    }

    @Test
    void aBindByDescriptorsGoesWhereTheyWereOpened() throws Exception {
        var elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
        try (var from = Fd.open(volume.mountPoint(), OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
                var to = Fd.open(target, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW)) {
            var moved = folder.resolve("moved");
            Files.move(target, moved);
            Files.createSymbolicLink(target, elsewhere);
            Mounts.bind(from, to, Set.of(READ_ONLY));
            assertThat(mountsAt(moved)).hasSize(1);
            assertThat(mountsAt(elsewhere)).isEmpty();
            Mounts.unmount(moved);
        }
    }

    @Test
    @DisplayName("20: a block device is bound to a file and can be opened without nodev")
    void aDeviceFileIsBoundToAFile() throws Exception {
        var file = Files.createFile(folder.resolve("block"));
        Mounts.bind(volume.device().path(), file, Set.of());
        try (var device = Fd.open(file, OpenFlags.O_RDONLY)) {
            assertThat(device.blockDeviceBytes()).isEqualTo(Kind.EXT4.leastBytes());
        } finally {
            Mounts.unmount(file);
        }
        assertThatThrownBy(() -> Mounts.bind(volume.device().path(), target, Set.of()))
                .as("a file on a folder")
                .isInstanceOf(ErrnoException.class);
    }

    @Test
    @DisplayName("19: a busy target is EBUSY and stays")
    void aBusyTargetStaysMounted() throws Exception {
        try (var _ = Fd.open(volume.mountPoint(), OpenFlags.O_RDONLY)) {
            assertThatThrownBy(() -> Mounts.unmount(volume.mountPoint()))
                    .isInstanceOfSatisfying(
                            ErrnoException.class,
                            e -> assertThat(e.errno()).isEqualTo(Errno.EBUSY));
        }
        assertThat(mountsAt(volume.mountPoint())).hasSize(1);
        assertThatThrownBy(() -> Mounts.unmount(target)).hasMessageContaining("EINVAL");
        assertThatThrownBy(() -> Mounts.unmount(folder.resolve("no")))
                .hasMessageContaining("ENOENT");
    }

    @Test
    @DisplayName("17: a file system that was unmounted frozen is thawed through a detached mount")
    void aFrozenFileSystemThatWasUnmountedIsThawed() throws Exception {
        Linux.freeze(volume.mountPoint());
        assertThatThrownBy(() -> Linux.freeze(volume.mountPoint())).hasMessageContaining("EBUSY");
        volume.unmount();
        assertThat(LoopDevices.heldByAnother(volume.device())).isTrue();
        assertThatThrownBy(() -> LoopDevices.detach(volume.device())).hasMessageContaining("EBUSY");

        var source = volume.device().path().toString();
        try (var detached = Mounts.detachedMount("ext4", source, Set.of(), List.of())) {
            assertThat(Linux.thaw(detached)).isTrue();
            assertThat(Linux.thaw(detached)).isFalse();
        }
        assertThat(LoopDevices.heldByAnother(volume.device())).isFalse();
        volume.mount();
        assertThat(Linux.thaw(volume.mountPoint())).isFalse();
    }

    @Test
    void aDetachedMountIsGoneWhenItIsClosed() throws Exception {
        volume.unmount();
        var source = volume.device().path().toString();
        try (var detached = Mounts.detachedMount("ext4", source, Set.of(), List.of())) {
            assertThat(detached.stat().isFolder()).isTrue();
            assertThat(LoopDevices.heldByAnother(volume.device())).isTrue();
        }
        assertThat(LoopDevices.heldByAnother(volume.device())).isFalse();
        volume.mount();
    }

    @Test
    @DisplayName("31: a full file system is ENOSPC, and gives its bytes back")
    void aFullFileSystemIsEnospc() throws Exception {
        var file = volume.mountPoint().resolve("big");
        try (var fd = Fd.open(file, OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0600)) {
            assertThatThrownBy(() -> fd.allocate(1L << 30))
                    .isInstanceOfSatisfying(
                            ErrnoException.class,
                            e -> assertThat(e.errno()).isEqualTo(Errno.ENOSPC))
                    .hasMessage("fallocate(" + file + "): No space left on device (ENOSPC)");
        }
        Files.delete(file);
    }
}
