package dev.stowage.node.filesystem;

import static dev.stowage.linux.OpenFlags.O_CREAT;
import static dev.stowage.linux.OpenFlags.O_EXCL;
import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_RDWR;

import dev.stowage.linux.Command;
import dev.stowage.linux.CommandException;
import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.spi.FormatTrial;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.MkfsOptions;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Lets mkfs try its options on a sparse file in a temporary folder. One trial at a time; what
/// passed is remembered, so that a StorageClass costs one trial for each size. Without options
/// nothing is tried: the smallest and largest sizes are known.
public final class MkfsTrial implements FormatTrial {
    private static final Logger LOG = LoggerFactory.getLogger(MkfsTrial.class);

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int REMEMBERED = 1024;

    /// What `mke2fs -n` does not see, such as inode tables that leave no room for the journal,
    /// shows when the file system is made. Up to this size that writes some MiB at most.
    private static final long LARGEST_MADE = 16L << 30;

    /// A file system that can't be made in a folder with less room than this says nothing about the
    /// options.
    private static final long ROOM_BYTES = 512L << 20;

    private static final int NOT_INSTALLED = 127;
    private static final int FILE_MODE = 0600;

    private final Path folder;
    private final Path image;
    private final Mkfs mkfs = new Mkfs();

    private final Map<Case, Boolean> passed =
            new LinkedHashMap<>() {
                private static final long serialVersionUID = 1L;

                @Override
                protected boolean removeEldestEntry(Map.Entry<Case, Boolean> eldest) {
                    return size() > REMEMBERED;
                }
            };

    private record Case(FileSystemType fileSystem, List<String> options, long bytes) {}

    /// @param folder where a file can be made; the name in it is this process's, so what a killed
    ///     one leaves is replaced by the next of its number
    public MkfsTrial(Path folder) {
        this.folder = folder;
        this.image = folder.resolve("stowage-mkfs-" + ProcessHandle.current().pid() + ".image");
    }

    @Override
    public synchronized void require(
            FileSystemType fileSystem, List<String> mkfsOptions, long bytes) {
        var wanted = new Case(fileSystem, mkfsOptions, bytes);
        if (mkfsOptions.isEmpty() || passed.containsKey(wanted)) {
            return;
        }
        try {
            rehearse(wanted);
            passed.put(wanted, true);
        } catch (IOException e) {
            LOG.warn(
                    "{} is granted for {} bytes without a trial: {}",
                    MkfsOptions.described(fileSystem, mkfsOptions),
                    bytes,
                    e.getMessage());
        }
    }

    private void rehearse(Case wanted) throws IOException {
        try {
            Files.deleteIfExists(image);
            try (var file = Fd.open(image, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE)) {
                var bytes = lengthen(file, wanted.bytes());
                for (var argv : commands(wanted, bytes)) {
                    var _ = Command.run(argv, LIMIT);
                }
            }
        } catch (CommandException e) {
            if (isAboutOptions(e)) {
                throw refused(wanted, e);
            }
            throw e;
        } finally {
            Files.deleteIfExists(image);
        }
    }

    /// To the size of the volume, or half of it and so on where the folder's file system has no
    /// such large files: most options do not depend on the size.
    private static long lengthen(Fd file, long wanted) throws ErrnoException {
        for (var bytes = wanted; ; bytes /= 2) {
            try {
                file.truncate(bytes);
                return bytes;
            } catch (ErrnoException e) {
                if (!e.is(Errno.EFBIG, Errno.EINVAL) || bytes < LARGEST_MADE) {
                    throw e;
                }
            }
        }
    }

    /// The command of the later format, made to write nothing; where the program can't do that, or
    /// then overlooks something, made to write little.
    private List<List<String>> commands(Case wanted, long bytes) throws IOException {
        var format = mkfs.arguments(wanted.fileSystem(), wanted.options(), image, true);
        return switch (wanted.fileSystem()) {
            case EXT4, EXT3 ->
                    bytes <= LARGEST_MADE
                            ? List.of(with(format, "-n"), lazily(format))
                            : List.of(with(format, "-n"));
            case XFS -> List.of(with(format, "-N"));
            case BTRFS -> List.of(format);
        };
    }

    private static List<String> with(List<String> argv, String option) {
        var words = new ArrayList<>(argv);
        words.add(1, option);
        return words;
    }

    /// Of two settings mke2fs takes the last.
    private static List<String> lazily(List<String> argv) {
        var words = new ArrayList<>(argv);
        var extended = words.indexOf("-E") + 1;
        words.set(extended, words.get(extended) + ",lazy_itable_init=1,lazy_journal_init=1");
        return words;
    }

    /// Not so where the program is missing or was killed, or the folder is full.
    private boolean isAboutOptions(CommandException e) throws IOException {
        var refused = e.exitCode() > 0 && e.exitCode() < NOT_INSTALLED;
        return refused
                && (List.of("-n", "-N").contains(e.argv().get(1))
                        || Linux.statfs(folder).availableBytes() >= ROOM_BYTES);
    }

    private static VolumeException refused(Case wanted, CommandException e) {
        var program = e.argv().getFirst();
        return new VolumeException(
                Reason.INVALID,
                "%s can't be made on a volume of %d bytes, %s says: %s; correct the options, or ask for another size"
                        .formatted(
                                MkfsOptions.described(wanted.fileSystem(), wanted.options()),
                                wanted.bytes(),
                                program,
                                words(e)),
                e);
    }

    /// One line, without the list of all options that mkfs.xfs and mke2fs add.
    private static String words(CommandException e) {
        var words = e.words().split("(?m)^(?:Usage: |Bad option\\(s\\) specified: *$)", 2)[0];
        return words.strip().replaceAll("\\s+", " ");
    }
}
