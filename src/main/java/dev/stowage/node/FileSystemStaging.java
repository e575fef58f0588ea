package dev.stowage.node;

import dev.stowage.linux.Linux;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Connector.Connection;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.device.Whole;
import dev.stowage.node.filesystem.Attributes;
import dev.stowage.node.filesystem.FileSystemMount;
import dev.stowage.node.filesystem.FormatOnce;
import dev.stowage.node.filesystem.Growing;
import dev.stowage.spi.FormatLedger;
import dev.stowage.volume.AccessType;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.MountOptions;
import dev.stowage.volume.Printable;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/// Stages a volume as a file system: connect, format once, grow, mount.
final class FileSystemStaging {
    private final Connectors connectors;
    private final FormatOnce format;
    private final FirstMount first;

    FileSystemStaging(Connectors connectors, Function<VolumeId, FormatLedger> ledgers) {
        this.connectors = connectors;
        this.format = new FormatOnce(ledgers);
        this.first = new FirstMount(connectors, format, ledgers);
    }

    /// @param mounts what is mounted of the volume now
    void stage(StageRequest request, AccessType.Mount asked, HostPath place, VolumeMounts mounts)
            throws IOException {
        var volume = request.volume();
        var fileSystem = fileSystem(volume, asked);
        var options = MountOptions.parse(fileSystem, asked.flags());
        var readOnly = request.readOnly() || options.readOnly();
        if (isStaged(volume, place, mounts, options, readOnly)) {
            return;
        }
        requireNoOtherUse(volume, place, mounts, readOnly);
        StagingFolder.make(place);
        var firstMount = first.due(volume.id());
        if (firstMount && readOnly) {
            first.replay(request, fileSystem);
        }
        var connection =
                connectors.connect(request.attachment(), volume.blockSizeBytes(), readOnly);
        var mount =
                new FileSystemMount(
                        volume.id(), fileSystem, connection.device(), options, readOnly);
        try {
            Whole.require(volume, connection.device());
            var alone = mounts.except(place.path()).isEmpty();
            mount(volume, connection, mount, place.path(), alone);
        } catch (IOException | RuntimeException e) {
            Undo.release(connection, e);
            throw e;
        }
        if (firstMount && !readOnly) {
            OptionalStep.attempt(
                    "recording that volume %s was mounted".formatted(volume.id()),
                    () -> first.done(volume, fileSystem));
        }
    }

    /// @param alone whether it is mounted nowhere else
    private void mount(
            Volume volume, Connection connection, FileSystemMount mount, Path at, boolean alone)
            throws IOException {
        var fileSystem = mount.fileSystem();
        var device = connection.device();
        // Alive already: mounted elsewhere, or unmounted while it was frozen.
        var alive = !connection.madeNow() && device.held();
        var made = !alive && format.ensure(volume, fileSystem, connection);
        if (!alive && !made && !mount.readOnly()) {
            first.prepare(volume, fileSystem, device);
            OptionalStep.attempt(growing(volume), () -> Growing.offline(fileSystem, device));
        }
        requireOurs(volume, at, device, OneMount.make(at, () -> mount.mount(at, alive || made)));
        try {
            if (alive && alone) {
                Linux.thaw(at); // else its users have frozen it, and thaw it
            }
            if (!made && !mount.readOnly() && Growing.possible(fileSystem, device)) {
                OptionalStep.attempt(growing(volume), () -> Growing.online(fileSystem, device, at));
            }
        } catch (IOException | RuntimeException e) {
            Undo.unmount(at, e);
            throw e;
        }
    }

    private static String growing(Volume volume) {
        return "growing the file system of volume %s".formatted(volume.id());
    }

    private static FileSystemType fileSystem(Volume volume, AccessType.Mount asked) {
        var own =
                volume.fileSystem()
                        .orElseThrow(
                                () ->
                                        new VolumeException(
                                                Reason.FAILED_PRECONDITION,
                                                "volume %s is raw block and has no file system to mount: use it with volumeMode Block"
                                                        .formatted(volume.id())));
        if (asked.fileSystem().filter(type -> type != own).isPresent()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is made for %s, not for %s: ask for %s"
                            .formatted(volume.id(), own, asked.fileSystem().get(), own));
        }
        return own;
    }

    /// Whether the same request was carried out before.
    ///
    /// @throws VolumeException ALREADY_EXISTS if the path is taken by anything else
    private static boolean isStaged(
            Volume volume,
            HostPath place,
            VolumeMounts mounts,
            MountOptions options,
            boolean readOnly) {
        var there = mounts.at(place.path());
        if (!mounts.at(StagingFolder.device(place)).isEmpty()) {
            throw StagingFolder.taken(
                    volume.id(), place, "it is staged there as a raw block device");
        }
        if (there.isEmpty()) {
            return false;
        }
        var mount = there.getLast();
        if (there.size() > 1 || !mounts.isFileSystem(mount) || !VolumeMounts.isStaging(mount)) {
            throw StagingFolder.taken(
                    volume.id(),
                    place,
                    Printable.escaped(mount.source())
                            + " is mounted there, which is not this volume");
        }
        if (!mount.type().equals(options.fileSystem().kernelName())) {
            throw StagingFolder.taken(volume.id(), place, "it is staged there as " + mount.type());
        }
        if (!Attributes.same(Attributes.staging(options, readOnly), mount)
                || !options.sameSuperblock(mount.superblock())) {
            throw StagingFolder.taken(
                    volume.id(),
                    place,
                    "it is staged there with other options: %s; %s"
                            .formatted(
                                    mount.attributes().stream().sorted().toList(),
                                    mount.superblock()));
        }
        return true;
    }

    private static void requireNoOtherUse(
            Volume volume, HostPath place, VolumeMounts mounts, boolean readOnly)
            throws IOException {
        for (var other : mounts.except(place.path())) {
            if (!mounts.isFileSystem(other)) {
                throw inUse(volume, "as a raw block device", other);
            }
            if (other.superblockReadOnly() != readOnly) {
                throw inUse(volume, readOnly ? "for writing" : "read-only", other);
            }
        }
    }

    private static VolumeException inUse(Volume volume, String how, MountPoint other) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "volume %s is in use %s at %s: end that use first"
                        .formatted(volume.id(), how, other.path()));
    }

    /// Another process may have been quicker with something else.
    private static void requireOurs(Volume volume, Path at, BlockDevice device, MountPoint mount) {
        var ours = new VolumeMounts(new MountTable(List.of()), List.of(device));
        if (!ours.isFileSystem(mount)) {
            throw new VolumeException(
                    Reason.ALREADY_EXISTS,
                    "volume %s can't be staged at %s: %s was mounted there at the same time"
                            .formatted(volume.id(), at, mount.source()));
        }
    }
}
