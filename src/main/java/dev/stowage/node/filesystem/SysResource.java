package dev.stowage.node.filesystem;

import dev.stowage.linux.Capabilities;
import java.io.IOException;

/// What can be done about a missing CAP_SYS_RESOURCE, which the kernel wants of whoever grows a
/// mounted ext4.
public final class SysResource {
    private SysResource() {}

    public static String advice() throws IOException {
        return advice(Capabilities.own());
    }

    /// A privileged container has all that its runtime has, others have what is listed for them
    /// (14 unless told otherwise, of some 40).
    public static String advice(Capabilities own) {
        if (own.bounds(Capabilities.SYS_RESOURCE)) {
            return "this process could have it: run the driver as root";
        }
        return own.bounded() > own.known() / 2
                ? "this container is privileged and lacks it all the same, because the machine's container runtime does (a node that is a container itself, or a restricted virtual machine): no setting of the pod adds it"
                : "add SYS_RESOURCE to securityContext.capabilities.add of the node container";
    }
}
