package dev.stowage.node.device;

import dev.stowage.spi.ImageFiles;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The devices of a volume on this node, as far as the kernel can tell.
///
/// @param known those that have the volume's name
/// @param unreadable those that may be the volume's too
public record VolumeDevices(List<BlockDevice> known, List<UnreadableDevice> unreadable) {
    static final VolumeDevices NONE = new VolumeDevices(List.of(), List.of());

    public VolumeDevices {
        known = List.copyOf(known);
        unreadable = List.copyOf(unreadable);
    }

    public List<BlockDevice> all() {
        var all = new ArrayList<>(known);
        all.addAll(unreadable);
        return all;
    }

    /// @throws VolumeException FAILED_PRECONDITION if some may be the volume's and others not
    List<BlockDevice> require(VolumeId id) {
        for (var device : unreadable) {
            var loop = device.loop();
            throw ImageFiles.useUnknown("volume " + id, loop.path(), loop.file(), loop.why());
        }
        return known;
    }

    /// Those that are certainly the volume's, or have its image's path: what can be the one that a
    /// mount of ours shows. A file that only has the volume's id somewhere in its path is not.
    public VolumeDevices ofImage(Optional<VolumeId> id) {
        return new VolumeDevices(
                known, unreadable.stream().filter(device -> isImage(id, device)).toList());
    }

    private static boolean isImage(Optional<VolumeId> id, UnreadableDevice device) {
        return id.isPresent() && ImageFiles.isImage(id.get(), device.loop().filePath());
    }
}
