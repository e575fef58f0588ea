package dev.stowage.node;

import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.DeviceNumber;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Printable;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The mounts of one volume: file systems on its devices, and the nodes of its devices bound
/// somewhere.
///
/// Staging mounts of file systems are told from published ones by a mark that the kernel keeps:
/// they are both `noatime` and `nodiratime`. Published ones never are, since `noatime` implies the
/// other; and nobody reads through a staging mount, so its access times matter to nobody.
final class VolumeMounts {
    private final MountTable table;
    private final List<BlockDevice> devices;

    VolumeMounts(MountTable table, List<BlockDevice> devices) {
        this.table = table;
        this.devices = List.copyOf(devices);
    }

    List<BlockDevice> devices() {
        return devices;
    }

    List<MountPoint> at(Path path) {
        return table.at(path);
    }

    /// Whether the mount shows the volume's file system, or a part of it.
    boolean isFileSystem(MountPoint mount) {
        return devices.stream().anyMatch(device -> isOn(mount, device));
    }

    /// Whether the mount is a node of one of the volume's devices.
    boolean isNode(MountPoint mount) throws IOException {
        for (var device : devices) {
            if (isNodeOf(mount, device)) {
                return true;
            }
        }
        return false;
    }

    boolean has(MountPoint mount) throws IOException {
        return isFileSystem(mount) || isNode(mount);
    }

    /// The refusal where something else than the volume is in its place.
    ///
    /// @param how the volume should be there: `staged` or `published`
    static VolumeException foreign(String volumeId, String how, NodeId node, MountPoint mount) {
        var path = Printable.escaped(mount.path());
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "volume %s is not what is %s at %s on node %s: %s (%s) is mounted there; it was left alone: unmount it (umount %s)"
                        .formatted(
                                volumeId,
                                how,
                                path,
                                node,
                                Printable.escaped(mount.source()),
                                mount.type(),
                                path));
    }

    static boolean isStaging(MountPoint mount) {
        return mount.attributes().contains("noatime") && mount.attributes().contains("nodiratime");
    }

    /// Whether the mount is a device node bound into a staging folder.
    static boolean isStagedNode(MountPoint mount) {
        return mount.path().endsWith("/" + StagingFolder.DEVICE);
    }

    /// All mounts of the volume but those at `path`.
    List<MountPoint> except(Path path) throws IOException {
        var others = new ArrayList<MountPoint>();
        for (var mount : table.mounts()) {
            if (!mount.path().equals(path.toString()) && has(mount)) {
                others.add(mount);
            }
        }
        return others;
    }

    /// The mounts of its file system that are no staging.
    List<MountPoint> published() {
        return table.mounts().stream()
                .filter(mount -> isFileSystem(mount) && !isStaging(mount))
                .toList();
    }

    /// A mount through which the file system on the device can be changed.
    Optional<MountPoint> writable(BlockDevice device) {
        return table.mounts().stream()
                .filter(mount -> isOn(mount, device))
                .filter(mount -> !mount.readOnly() && !mount.superblockReadOnly())
                .filter(mount -> mount.root().equals("/"))
                .filter(MountPoint::hasUtf8Path)
                .findFirst();
    }

    /// The mounts of the whole file system on the device.
    List<MountPoint> fileSystems(BlockDevice device) {
        return table.mounts().stream()
                .filter(mount -> isOn(mount, device) && mount.root().equals("/"))
                .toList();
    }

    /// Whether anything of this one device is mounted.
    boolean uses(BlockDevice device) throws IOException {
        for (var mount : table.mounts()) {
            if (isOn(mount, device) || isNodeOf(mount, device)) {
                return true;
            }
        }
        return false;
    }

    private static boolean isOn(MountPoint mount, BlockDevice device) {
        // btrfs has a device number of its own; what it calls its source is the kernel's name of
        // the device.
        return mount.device().equals(device.number())
                || mount.type().equals("btrfs") && mount.source().equals(device.path().toString());
    }

    /// The root of such a mount is the node in whatever /dev it was bound from; its number is
    /// asked for only where the name fits.
    static boolean isNodeOf(MountPoint mount, BlockDevice device) throws IOException {
        return mount.root().endsWith("/" + device.path().getFileName())
                && mount.lstatIfExists()
                        .filter(stat -> stat.isBlockDevice())
                        .filter(stat -> DeviceNumber.of(stat).equals(device.number()))
                        .isPresent();
    }
}
