package dev.stowage.backend.file;

import dev.stowage.linux.FileId;
import dev.stowage.linux.LoopDevice;
import dev.stowage.linux.LoopDevices;
import dev.stowage.spi.ImageFiles;
import dev.stowage.volume.PooledId;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;

/// The loop devices of this machine through which a file is in use. A device whose status the
/// kernel can't tell, because the file system of its file is dead, is nobody's as long as that file
/// can't be the one asked for; else nobody knows whether it is in use.
final class LoopUsers {
    private LoopUsers() {}

    /// Those of an image: bound to it, or bearing the name that a node gives to its device. The
    /// latter may be bound to what the image was before its pool was mounted anew.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if a device may be one of them
    static List<LoopDevice> of(PooledId id, FileId image) throws IOException {
        return of(
                "volume " + id,
                image,
                name -> ImageFiles.isDeviceName(id, name),
                file -> ImageFiles.mayBeImage(id, file));
    }

    /// Those of any file.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if a device may be one of them: its file has the
    ///     same name
    static List<LoopDevice> of(Path source, FileId file) throws IOException {
        var name = "/" + source.toRealPath().getFileName();
        return of(
                source.toString(),
                file,
                _ -> false,
                other -> other.isEmpty() || other.endsWith(name));
    }

    private static List<LoopDevice> of(
            String what, FileId file, Predicate<String> named, Predicate<String> mayBe)
            throws IOException {
        var found = LoopDevices.boundTo(file, named);
        for (var loop : found.unreadable()) {
            if (mayBe.test(loop.filePath())) {
                throw ImageFiles.useUnknown(what, loop.path(), loop.file(), loop.why());
            }
        }
        return found.readable();
    }
}
