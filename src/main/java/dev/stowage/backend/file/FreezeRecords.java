package dev.stowage.backend.file;

import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import dev.stowage.linux.IoReason;
import dev.stowage.linux.Linux;
import dev.stowage.spi.FreezeNotes;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The notes of freezes in the state folder, `<state>/freezes/<run>.<counter>.json`. Whoever has
/// written one keeps it locked (fcntl), so a note that can be locked is of a driver that died.
public final class FreezeRecords implements FreezeNotes {
    private static final Logger LOG = LoggerFactory.getLogger(FreezeRecords.class);
    private static final String FOLDER = "freezes";
    private static final String SUFFIX = ".json";

    private final Path folder;
    private final Durable durable;
    private final AtomicLong counter = new AtomicLong();

    /// Process ids repeat in the containers that share the folder.
    private final String run = "%016x".formatted(ThreadLocalRandom.current().nextLong());

    public FreezeRecords(Path stateFolder) {
        folder = stateFolder.resolve(FOLDER);
        durable =
                new Durable(
                        new Sickness(),
                        () -> Nonces.TEMPORARY + run + "." + counter.incrementAndGet());
    }

    private record Written(Path file, FileChannel locked) implements Note {
        @Override
        public void close() {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                LOG.warn("{} stays until a driver starts, though nothing is frozen", file, e);
            }
            Closing.quietly(locked);
        }
    }

    @Override
    public Note write(List<Frozen> fileSystems) throws IOException {
        Files.createDirectories(folder);
        var file = folder.resolve(run + "." + counter.incrementAndGet() + SUFFIX);
        var record =
                StoredRecord.blank(file)
                        .with("boot", Linux.bootId())
                        .with("frozen", fileSystems.stream().map(FreezeRecords::text).toList());
        var made = durable.temporary(folder, record.bytes());
        var channel = FileChannel.open(made, READ, WRITE);
        try {
            if (channel.tryLock() == null) {
                throw new IOException(made + " is locked by somebody else; retry");
            }
            durable.rename(made, file);
            return new Written(file, channel);
        } catch (IOException e) {
            Files.deleteIfExists(made);
            Closing.quietly(channel);
            throw e;
        }
    }

    /// `<volume> <major:minor> <diskseq>`
    private static String text(Frozen frozen) {
        return "%s %s %s".formatted(frozen.volume(), frozen.device(), frozen.sequence()).strip();
    }

    private static Optional<Frozen> parse(String text) {
        var words = text.split(" ");
        return VolumeId.parse(words[0])
                .filter(_ -> words.length >= 2)
                .map(id -> new Frozen(id, words[1], words.length > 2 ? words[2] : ""));
    }

    @Override
    public void thawLeftovers(Thaw thaw) {
        try {
            for (var file : files()) {
                thawIfDead(file, thaw);
            }
        } catch (IOException e) {
            LOG.warn(
                    "what a driver before left frozen can't be read from {}: {}",
                    folder,
                    IoReason.of(e));
        }
    }

    private List<Path> files() throws IOException {
        try (var listed = Files.list(folder)) {
            return listed.toList();
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }

    private void thawIfDead(Path file, Thaw thaw) {
        try {
            var channel = FileChannel.open(file, READ, WRITE);
            try {
                if (channel.tryLock() == null) {
                    Closing.quietly(channel);
                    return;
                }
            } catch (OverlappingFileLockException e) {
                // of a driver in this very process, which would lose its lock if it were closed
                return;
            }
            Closing.quietly(channel);
            thaw(file, thaw);
        } catch (NoSuchFileException e) {
            LOG.debug("{} was removed meanwhile", file);
        } catch (IOException | VolumeException e) {
            LOG.warn("what {} says was left frozen may be so still: {}", file, e.getMessage());
        }
    }

    private static void thaw(Path file, Thaw thaw) throws IOException {
        var name = VolumeStore.fileName(file);
        if (name.endsWith(SUFFIX) && !name.startsWith(Nonces.TEMPORARY)) {
            var record = StoredRecord.read(file);
            if (record.text("boot").equals(Linux.bootId())) {
                for (var frozen : record.texts("frozen")) {
                    var fileSystem = parse(frozen);
                    if (fileSystem.isPresent()) {
                        thaw.of(fileSystem.get());
                    }
                }
            }
        }
        Files.deleteIfExists(file);
    }
}
