package dev.stowage.node.filesystem;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.Mounts.MountAttribute;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Busy;
import dev.stowage.node.device.UnreadableDevice;
import dev.stowage.node.device.Wait;
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
public final class DeviceRelease {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceRelease.class);

    /// What the last user may take to let go after its unmount.
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    private DeviceRelease() {}

    /// @param volume whose it is, for messages
    /// @throws VolumeException FAILED_PRECONDITION if something holds the device
    public static void release(String volume, BlockDevice device) throws IOException {
        if (device.held() && !(thawed(device) && !device.held())) {
            requireNotHeld(volume, device);
        }
        try {
            device.release();
        } catch (ErrnoException e) {
            throw e.is(Errno.EBUSY) ? busy(volume, device, e) : e;
        }
    }

    private static IOException busy(String volume, BlockDevice device, ErrnoException e) {
        return new IOException(
                "volume %s can't be disconnected from this node: %s: %s"
                        .formatted(volume, e.getMessage(), Busy.holders(device)),
                e);
    }

    /// One that was detached, as far as that was ours to do, is left alone if nothing can be using
    /// it.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if something holds the device
    public static void requireUnused(String volume, UnreadableDevice device) throws IOException {
        requireNotHeld(volume, device);
        if (device.bound()) {
            LOG.warn(
                    "{} stays bound to {}: no mount showed that it is ours, or a program has it open; detach it (losetup -d {}) when nothing uses it",
                    device.path(),
                    device.loop().file(),
                    device.path());
        }
    }

    /// What can't be read, because its disk is dead, can't be thawed this way.
    private static boolean thawed(BlockDevice device) {
        try {
            return thawUnmounted(device);
        } catch (IOException e) {
            LOG.warn("whether a file system on {} is frozen can't be seen", device, e);
            return false;
        }
    }

    private static void requireNotHeld(String volume, BlockDevice device) throws IOException {
        if (!Wait.until(PATIENCE, () -> !device.held())) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "%s of volume %s is mounted nowhere that this driver sees, but is still held by a program, or by a mount in another container's mount namespace: %s"
                            .formatted(device.path(), volume, Busy.holders(device)));
        }
    }

    /// Mounting it again, detached, reaches the superblock that still lives.
    public static boolean thawUnmounted(BlockDevice device) throws IOException {
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
