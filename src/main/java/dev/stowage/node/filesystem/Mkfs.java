package dev.stowage.node.filesystem;

import dev.stowage.linux.Command;
import dev.stowage.linux.KernelVersion;
import dev.stowage.linux.Linux;
import dev.stowage.volume.FileSystemType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Makes file systems. Never discards (a thick image would get holes, and a discard of a large
/// device takes long), never asks, says nothing but errors.
final class Mkfs {
    /// Nothing is zeroed at once, so this is seconds even for large devices; a sick disk is
    /// slower.
    private static final Duration LIMIT = Duration.ofMinutes(30);

    /// Features that kernels of long support know, made with each xfsprogs for those that are
    /// older than it is.
    private static final Path XFS_LTS = Path.of("/usr/share/xfsprogs/mkfs");

    private static final Pattern LTS = Pattern.compile("lts_(\\d+)\\.(\\d+)\\.conf");
    private static final Pattern XFS_VERSION = Pattern.compile("version (\\d+)\\.(\\d+)");
    private static final Pattern EXT4_VERSION = Pattern.compile("mke2fs (\\d+)\\.(\\d+)");

    /// The e2fsprogs that brought `-E assume_storage_prezeroed`.
    private static final KernelVersion PREZEROED_SINCE = new KernelVersion(1, 47);

    private volatile @Nullable KernelVersion ext4Version;

    /// Found out with the first xfs: neither the kernel nor mkfs.xfs changes under a running
    /// driver.
    private volatile @Nullable Optional<Path> xfsFeatures;

    /// Formats the device, with options that were checked before. When this throws, what is on the
    /// device is undefined.
    ///
    /// @param zeros every byte of the device reads as zero
    void run(FileSystemType fileSystem, List<String> options, Path device, boolean zeros)
            throws IOException {
        Command.run(arguments(fileSystem, options, device, zeros), LIMIT);
    }

    List<String> arguments(
            FileSystemType fileSystem, List<String> options, Path device, boolean zeros)
            throws IOException {
        var argv = new ArrayList<String>();
        argv.add("mkfs." + fileSystem.kernelName());
        switch (fileSystem) {
            case EXT4, EXT3 -> {
                argv.addAll(List.of("-q", "-F"));
                argv.addAll(extended(options, zeros && knowsPrezeroed()));
            }
            case XFS -> {
                argv.addAll(List.of("-q", "-f", "-K"));
                // mkfs.xfs refuses a feature that both the file and the command line speak of
                if (!options.contains("-m")) {
                    xfsFeatures().ifPresent(f -> argv.addAll(List.of("-c", "options=" + f)));
                }
                argv.addAll(options);
            }
            case BTRFS -> {
                argv.addAll(List.of("-q", "-f", "-K"));
                argv.addAll(options);
            }
        }
        argv.add(device.toString());
        return argv;
    }

    /// mke2fs hears only the last `-E`, so ours joins the one that was asked for.
    ///
    /// Without `assume_storage_prezeroed` the kernel zeroes the inode tables in the background
    /// after the first mount, and on a loop device it does so by punching holes into the image:
    /// a thick volume would not stay thick.
    private static List<String> extended(List<String> options, boolean prezeroed) {
        var ours = prezeroed ? "nodiscard,assume_storage_prezeroed=1" : "nodiscard";
        var merged = new ArrayList<>(options);
        var extended = merged.indexOf("-E");
        if (extended < 0) {
            merged.addAll(List.of("-E", ours));
        } else {
            merged.set(extended + 1, ours + "," + merged.get(extended + 1));
        }
        return merged;
    }

    private boolean knowsPrezeroed() throws IOException {
        var version = ext4Version;
        if (version == null) {
            version = versionOf("mkfs.ext4", EXT4_VERSION);
            ext4Version = version;
        }
        return version.compareTo(PREZEROED_SINCE) >= 0;
    }

    private Optional<Path> xfsFeatures() throws IOException {
        var known = xfsFeatures;
        if (known == null) {
            known = olderKernelsFeatures();
            xfsFeatures = known;
        }
        return known;
    }

    /// The newest list of features that the running kernel can mount, if mkfs.xfs is newer than
    /// the kernel and so would use others.
    private static Optional<Path> olderKernelsFeatures() throws IOException {
        var kernel = Linux.kernel();
        if (!Files.isDirectory(XFS_LTS)
                || kernel.compareTo(versionOf("mkfs.xfs", XFS_VERSION)) >= 0) {
            return Optional.empty();
        }
        try (var files = Files.list(XFS_LTS)) {
            return newestFor(kernel, files.toList());
        }
    }

    static Optional<Path> newestFor(KernelVersion kernel, List<Path> files) {
        @Nullable Path newest = null;
        @Nullable KernelVersion version = null;
        for (var file : files) {
            var match = LTS.matcher(file.getFileName().toString());
            if (match.matches()) {
                var its = version(match.group(1), match.group(2));
                if (its.compareTo(kernel) <= 0 && (version == null || its.compareTo(version) > 0)) {
                    newest = file;
                    version = its;
                }
            }
        }
        return Optional.ofNullable(newest);
    }

    private static KernelVersion versionOf(String program, Pattern pattern) throws IOException {
        var said = Command.run(List.of(program, "-V"), Duration.ofSeconds(10));
        var match = pattern.matcher(said.stdout() + said.stderr());
        if (!match.find()) {
            throw new IOException("%s -V says no version: %s".formatted(program, said));
        }
        return version(match.group(1), match.group(2));
    }

    private static KernelVersion version(String major, String minor) {
        return new KernelVersion(Integer.parseInt(major), Integer.parseInt(minor));
    }
}
