package dev.stowage.node;

import dev.stowage.linux.Fd;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.Mounts.MountAttribute;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.filesystem.Attributes;
import dev.stowage.volume.AccessType;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.MountOptions;
import dev.stowage.volume.Printable;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/// Binds a staged file system into a pod.
final class PublishedFileSystem {
    /// The mount of the volume at its staging path; empty if there is none, or only a plain
    /// folder.
    Optional<MountPoint> staged(VolumeMounts mounts, HostPath staging) {
        var there = mounts.at(staging.path());
        return there.stream()
                .filter(mount -> mounts.isFileSystem(mount) && VolumeMounts.isStaging(mount))
                .filter(mount -> there.size() == 1)
                .findFirst();
    }

    void publish(
            PublishRequest request,
            AccessType.Mount asked,
            MountPoint staged,
            HostPath place,
            VolumeMounts mounts)
            throws IOException {
        var options = options(request, asked, staged);
        var readOnly = request.readsOnly() || options.readOnly();
        var attributes = Attributes.published(options, readOnly);
        if (isPublished(request, place, mounts, attributes)) {
            return;
        }
        requireWritable(request, staged, readOnly);
        PublishTable.check(request, mounts, place);
        try (var source = open(request, staged);
                var target = Target.folder(place)) {
            try {
                var mount =
                        OneMount.make(
                                place.path(), () -> Mounts.bind(source, target.fd(), attributes));
                requireOurs(request, place, mounts, mount, attributes);
            } catch (IOException | RuntimeException e) {
                target.undo(e);
                throw e;
            }
        }
    }

    private static MountOptions options(
            PublishRequest request, AccessType.Mount asked, MountPoint staged) {
        var fileSystem = FileSystemType.require(staged.type());
        if (asked.fileSystem().filter(type -> type != fileSystem).isPresent()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is staged as %s, not as %s"
                            .formatted(request.volume(), fileSystem, asked.fileSystem().get()));
        }
        return MountOptions.parse(fileSystem, asked.flags());
    }

    /// The root of the very mount that was looked at; another one by now: not staged.
    private static Fd open(PublishRequest request, MountPoint staged) throws IOException {
        var source =
                Fd.open(
                        Path.of(staged.path()),
                        OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
        try {
            if (MountId.of(source) == staged.id()) {
                return source;
            }
            throw new VolumeException(
                    Reason.BUSY,
                    "volume %s was unstaged or staged anew while it was published: retry"
                            .formatted(request.volume()));
        } catch (IOException | RuntimeException e) {
            source.close();
            throw e;
        }
    }

    private static boolean isPublished(
            PublishRequest request,
            HostPath place,
            VolumeMounts mounts,
            Set<MountAttribute> attributes) {
        var there = mounts.at(place.path());
        if (there.isEmpty()) {
            return false;
        }
        if (there.size() > 1) {
            throw PublishTable.taken(request, place, "several mounts lie on top of each other");
        }
        requireOurs(request, place, mounts, there.getFirst(), attributes);
        return true;
    }

    private static void requireOurs(
            PublishRequest request,
            HostPath place,
            VolumeMounts mounts,
            MountPoint mount,
            Set<MountAttribute> attributes) {
        if (!mounts.isFileSystem(mount)
                || VolumeMounts.isStaging(mount)
                || !mount.root().equals("/")) {
            throw PublishTable.taken(
                    request,
                    place,
                    Printable.escaped(mount.source())
                            + " is mounted there, which is something else");
        }
        if (!Attributes.same(attributes, mount)) {
            throw PublishTable.taken(
                    request,
                    place,
                    "it is published there with other attributes: "
                            + mount.attributes().stream().sorted().toList());
        }
    }

    private static void requireWritable(
            PublishRequest request, MountPoint staged, boolean readOnly) {
        if (!readOnly && staged.superblockReadOnly()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is staged read-only (or went read-only after an error) and can't be published for writing"
                            .formatted(request.volume()));
        }
    }
}
