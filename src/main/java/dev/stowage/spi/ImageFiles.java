package dev.stowage.spi;

import dev.stowage.volume.PooledId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/// A backend whose volumes are image files on a file system of this machine.
public interface ImageFiles {
    /// How the name begins that a node gives to a device of such an image.
    String DEVICE_NAME_PREFIX = "stowage:";

    /// Where an image lies in its pool: `volumes/<id>/image`.
    String VOLUMES = "volumes";

    String IMAGE = "image";

    /// Whether a device of this name is one that a node made of the volume, or of a copy of its
    /// pool.
    static boolean isDeviceName(PooledId id, String name) {
        return name.startsWith(DEVICE_NAME_PREFIX) && name.contains(unique(id));
    }

    /// Whether a file of which only the path is known, as somebody else's mount namespace or a
    /// mount that is gone may show it, can be an image of this volume or snapshot, wherever its
    /// pool was mounted and whatever has become of the image since. An empty path can be any.
    static boolean mayBeImage(PooledId id, String file) {
        return file.isEmpty() || file.contains(unique(id));
    }

    /// Whether the path ends as that of the volume's image in its pool does.
    static boolean isImage(VolumeId id, String file) {
        var form = "(?s).*/%s/[^/]*\\.%s/%s".formatted(VOLUMES, Pattern.quote(unique(id)), IMAGE);
        return file.matches(form);
    }

    /// The pool's name may have been another when the image was made.
    private static String unique(PooledId id) {
        return id.toString().substring(id.pool().length() + 1);
    }

    /// The refusal where it can't be seen whether something is in use, which must never count as
    /// "it is not".
    ///
    /// @param what `volume <id>`, or a file
    /// @param device whose status the kernel can't tell, such as `/dev/loop2`
    /// @param file what sysfs says of the device's file
    static VolumeException useUnknown(String what, Object device, String file, Exception why) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "whether %s is in use on this machine can't be seen: %s may be bound to it, but the file system of its file (%s) doesn't answer (%s); stop the pods that use it here, or if there are none unmount what is on that device and detach it (losetup -d %s)"
                        .formatted(what, device, file, why.getMessage(), device),
                why);
    }

    /// The image of a volume. The path is for opening at once, not for keeping or handing on.
    ///
    /// @throws VolumeException NOT_FOUND if there is no such volume
    Path image(VolumeId id) throws IOException;

    /// To be asked after the image was opened for use and before anything is written to it; who
    /// copies it looks for users after it has begun, so that one of the two always sees the other.
    ///
    /// @throws VolumeException BUSY while the volume is copied byte by byte and must keep still
    void requireNotCopied(VolumeId id) throws IOException;

    /// Whether an image in which SEEK_DATA finds nothing has certainly never been written: tried
    /// out on this pool's own file system. Where it is false, nothing proves an image blank.
    boolean blankProvable();
}
