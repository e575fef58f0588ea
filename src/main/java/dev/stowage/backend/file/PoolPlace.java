package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_DIRECTORY;

import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.Usage;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/// Whether the folder that the configuration names is where a pool can lie.
final class PoolPlace {
    private static final Map<Long, String> FORGETFUL =
            Map.of(Usage.OVERLAY, "overlay", Usage.TMPFS, "tmpfs", Usage.RAMFS, "ramfs");

    static final String CONTROLLER_MAKES_NONE =
            "a controller makes no pool: is the disk mounted here? A node's driver makes the pool when it starts with this configuration";

    private final FilePoolSettings settings;
    private final Optional<String> known;
    private final boolean mayMake;

    /// @param known the uuid of the pool that was here before, if one was
    /// @param mayMake this driver may make the folder
    PoolPlace(FilePoolSettings settings, Optional<String> known, boolean mayMake) {
        this.settings = settings;
        this.known = known;
        this.mayMake = mayMake;
    }

    /// Checks the place and makes the folder, if only that is missing and no pool was here before.
    ///
    /// @throws VolumeException NO_SPACE if this machine does not have the disk, UNAVAILABLE if it
    ///     should, or if the place will not do
    void require() throws IOException {
        var path = settings.path();
        var there = Linux.statIfExists(path);
        if (there.isPresent() && !there.get().isFolder()) {
            throw sick("%s is not a folder".formatted(path));
        }
        var place = there.isPresent() ? path : parent(path);
        if (Linux.statIfExists(place).isEmpty()) {
            throw absent("%s is not there".formatted(place));
        }
        if (settings.requireMount() && !onMountedDisk(place)) {
            throw absent(
                    "nothing is mounted at or above %s (in a container the disk's mount point must be the pool's folder, or the folder that the container is given)"
                            .formatted(path));
        }
        requireFileSystem(place);
        if (there.isEmpty()) {
            make(path, place);
        }
    }

    private void make(Path path, Path parent) throws IOException {
        if (known.isPresent()) {
            throw absent("%s is not there".formatted(path));
        }
        if (!mayMake) {
            throw sick("%s is not there, and %s".formatted(path, CONTROLLER_MAKES_NONE));
        }
        requireWritable(parent);
        try (var folder = Fd.open(parent, O_DIRECTORY)) {
            var _ = FolderTree.makeIfAbsent(folder, VolumeStore.fileName(path), NewFile.AS_MADE);
            folder.fsync();
        }
    }

    private static Path parent(Path path) {
        var parent = path.getParent();
        return parent == null ? path : parent;
    }

    private void requireFileSystem(Path place) throws IOException {
        var usage = Linux.statfs(place);
        var forgetful = FORGETFUL.get(usage.type());
        if (forgetful != null && !settings.ephemeral()) {
            throw sick(
                    "%s lies on %s, which forgets: use a disk, or set 'ephemeral: true' if the volumes may be lost"
                            .formatted(settings.path(), forgetful));
        }
    }

    /// For a pool that is to be made; one that is there can be read all the same.
    void requireWritable(Path place) throws IOException {
        if (Linux.statfs(place).readOnly()) {
            throw sick("%s is mounted read-only: mount it writable".formatted(settings.path()));
        }
    }

    /// The innermost mount above `place` must not be the root, nor a bind of the root's own file
    /// system.
    private static boolean onMountedDisk(Path place) throws IOException {
        var root = Path.of("/");
        return Linux.stat(place).dev() != Linux.stat(root).dev()
                && isDisk(
                        MountTable.read(),
                        place.toRealPath(),
                        Linux.statfs(root).type() == Usage.OVERLAY);
    }

    /// In a container the host's root is another file system than the container's own, so a folder
    /// of it that was handed in looks like a disk; but it is only a part of its file system, where
    /// a disk is the whole of its own. A btrfs disk may be mounted by a subvolume, which looks like
    /// a part too.
    static boolean isDisk(MountTable mounts, Path real, boolean inContainer) {
        return mounts.around(real)
                .filter(mount -> !mount.path().equals("/"))
                .filter(mount -> !inContainer || isWhole(mount))
                .isPresent();
    }

    private static boolean isWhole(MountPoint mount) {
        return mount.root().equals("/") || mount.type().equals("btrfs");
    }

    /// The pool is not here: no fault if it never was.
    private VolumeException absent(String what) {
        return known.isPresent()
                ? sick(what)
                : new VolumeException(
                        Reason.NO_SPACE,
                        "this node lacks the pool %s: %s".formatted(settings.name(), what));
    }

    private VolumeException sick(String what) {
        return new VolumeException(
                Reason.UNAVAILABLE,
                "pool %s can't be used: %s%s"
                        .formatted(settings.name(), what, known.map(PoolPlace::remedy).orElse("")));
    }

    private static String remedy(String uuid) {
        return "; pool %s was here before: mount or put back its disk".formatted(uuid);
    }
}
