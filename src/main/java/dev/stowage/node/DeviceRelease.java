package dev.stowage.node;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.Mounts.MountAttribute;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Gives a device back once no superblock lives on it any more. That it is mounted nowhere is not
/// enough: a file system that was unmounted while it was frozen lives on, and so does one that
/// another mount namespace has.
final class DeviceRelease {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceRelease.class);

    /// What the last user may take to let go after its unmount.
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    private DeviceRelease() {}

    /// @throws VolumeException FAILED_PRECONDITION if something holds the device
    static void release(BlockDevice device) throws IOException {
        if (device.held() && !(thawUnmounted(device) && !device.held())) {
            requireNotHeld(device);
        }
        device.release();
    }

    private static void requireNotHeld(BlockDevice device) throws IOException {
        if (!Wait.until(PATIENCE, () -> !device.held())) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "%s is mounted nowhere that this driver sees, but is still held: end the program that uses it, or the container whose mount namespace has a copy of the mount"
                            .formatted(device.path()));
        }
    }

    /// Mounting it again, detached, reaches the superblock that still lives.
    static boolean thawUnmounted(BlockDevice device) throws IOException {
        var fileSystem = Signatures.atStart(device).flatMap(Signature::fileSystem);
        if (fileSystem.isEmpty()) {
            return false;
        }
        var options = new ArrayList<String>();
        if (device.readOnly()) {
            options.add("ro");
        }
        if (fileSystem.get() == FileSystemType.XFS) {
            options.add("nouuid");
        }
        try (var root =
                Mounts.detachedMount(
                        fileSystem.get().kernelName(),
                        device.path().toString(),
                        Set.of(MountAttribute.NOSUID, MountAttribute.NODEV),
                        options)) {
            var thawed = Linux.thaw(root);
            if (thawed) {
                LOG.warn("{} was unmounted while it was frozen; it was thawed", device.path());
            }
            return thawed;
        } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
                return false;
            }
            throw e;
        }
    }
}
