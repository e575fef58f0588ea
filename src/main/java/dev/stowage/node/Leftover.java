package dev.stowage.node;

import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.MountPoint;
import dev.stowage.node.device.DeviceNumber;
import java.io.IOException;
import java.nio.file.Path;

/// A bound device node whose loop device somebody has detached meanwhile: it stands for nothing,
/// and would stand for another's volume once the number is given out again.
final class Leftover {
    private Leftover() {}

    static boolean isUnboundNode(MountPoint mount) throws IOException {
        var isLoop =
                mount.root().contains("/loop")
                        && mount.lstatIfExists()
                                .filter(stat -> stat.isBlockDevice())
                                .filter(stat -> DeviceNumber.of(stat).startsWith(LoopDevices.MAJOR))
                                .isPresent();
        return isLoop && !LoopDevices.boundAt(Path.of(mount.path()));
    }
}
