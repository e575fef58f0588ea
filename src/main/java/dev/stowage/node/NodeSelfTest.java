package dev.stowage.node;

import dev.stowage.linux.Command;
import dev.stowage.linux.KernelVersion;
import dev.stowage.linux.Linux;
import dev.stowage.linux.MountTable;
import dev.stowage.node.filesystem.SysResource;
import dev.stowage.volume.FileSystemType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What a node needs, looked at once at start, each in a sentence that says what to do.
public final class NodeSelfTest {
    /// mount_setattr(2): a bind that is never writable for an instant.
    private static final KernelVersion MINIMUM = new KernelVersion(5, 12);

    private static final Path LOOP_CONTROL = Path.of("/dev/loop-control");
    private static final Path FILE_SYSTEMS = Path.of("/proc/filesystems");

    /// What would keep this node from working.
    ///
    /// @param kubeletFolder where the kubelet expects mounts to appear
    public List<String> problems(Optional<Path> kubeletFolder) throws IOException {
        var problems = new ArrayList<String>();
        if (!Linux.isRoot()) {
            problems.add(
                    "The node driver is not root and can't mount: run it as root (in Kubernetes: securityContext.privileged: true).");
        }
        kernelProblem(Linux.kernel()).ifPresent(problems::add);
        if (!Files.exists(LOOP_CONTROL)) {
            problems.add(
                    "There is no /dev/loop-control: load the kernel module loop on this machine (modprobe loop), and give the container the host's /dev.");
        }
        if (kubeletFolder.isPresent()) {
            propagationProblem(MountTable.read(), kubeletFolder.get()).ifPresent(problems::add);
        }
        return problems;
    }

    /// What works less well than it could.
    public List<String> warnings() throws IOException {
        var warnings = new ArrayList<String>();
        for (var fileSystem : FileSystemType.values()) {
            missing("mkfs." + fileSystem).ifPresent(warnings::add);
        }
        missing("fsck.ext4").ifPresent(warnings::add);
        if (!Linux.hasCapSysResource()) {
            warnings.add(
                    "The capability CAP_SYS_RESOURCE is missing, and ext4 volumes grow when their pods are stopped and one starts again, not while they run; %s."
                            .formatted(SysResource.advice()));
            if (Command.find("resize2fs").isEmpty()) {
                warnings.add(
                        "There is no program resize2fs, which grows ext4 where CAP_SYS_RESOURCE is missing: install e2fsprogs.");
            }
        }
        var known = Files.readAllLines(FILE_SYSTEMS);
        for (var fileSystem : FileSystemType.values()) {
            if (known.stream().noneMatch(line -> line.strip().equals(fileSystem.kernelName()))) {
                warnings.add(
                        "The running kernel does not know %s yet: it is loaded with the first such volume, if this machine has the module."
                                .formatted(fileSystem));
            }
        }
        return warnings;
    }

    static Optional<String> kernelProblem(KernelVersion kernel) {
        return kernel.compareTo(MINIMUM) >= 0
                ? Optional.empty()
                : Optional.of(
                        "The kernel is %s; %s or newer is needed (mount_setattr)."
                                .formatted(kernel, MINIMUM));
    }

    /// Mounts made below a folder are seen by the kubelet only if the mount around it is shared.
    static Optional<String> propagationProblem(MountTable table, Path kubeletFolder)
            throws IOException {
        if (!Files.isDirectory(kubeletFolder)) {
            return Optional.of(
                    "The kubelet's folder %s is not here: mount it into the container at the same path."
                            .formatted(kubeletFolder));
        }
        return table.around(kubeletFolder.toRealPath())
                .filter(mount -> !mount.shared())
                .map(
                        mount ->
                                "The kubelet would not see mounts below %s, because the mount at %s is not shared: set mountPropagation: Bidirectional for that volume of the container."
                                        .formatted(kubeletFolder, mount.path()));
    }

    private static Optional<String> missing(String program) {
        return Command.find(program).isPresent()
                ? Optional.empty()
                : Optional.of(
                        "There is no program %s, and volumes that need it can't be staged: install e2fsprogs, xfsprogs and btrfs-progs."
                                .formatted(program));
    }
}
