package dev.stowage.backend.file;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import dev.stowage.linux.Linux;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The files `.drivers/<instance>.lock`, by which drivers that share a pool tell who is alive.
final class DriverLocks implements AutoCloseable {
    private static final String SUFFIX = ".lock";

    private final Path folder;
    private final Instance own;
    private final Path ownFile;

    /// Of drivers in this very process: closing these would give up their locks.
    private final List<FileChannel> keptOpen = new ArrayList<>();

    private DriverLocks(Path folder, Instance own) {
        this.folder = folder;
        this.own = own;
        this.ownFile = folder.resolve(own + SUFFIX);
    }

    /// Takes the lock of `own`.
    static DriverLocks take(Path folder, Instance own) throws IOException {
        var locks = new DriverLocks(folder, own);
        var channel = FileChannel.open(locks.ownFile, CREATE, READ, WRITE);
        locks.keptOpen.add(channel);
        var lock = channel.tryLock();
        // A start of another driver may have taken the new file for a dead one's.
        if (lock == null || Linux.lstatIfExists(locks.ownFile).isEmpty()) {
            locks.close();
            throw new IOException(locks.ownFile + " was taken away; retry");
        }
        return locks;
    }

    /// Whether the instance certainly runs no more. Of other nodes nothing is certain.
    boolean isDead(Instance instance) throws IOException {
        if (instance.equals(own) || !instance.node().equals(own.node())) {
            return false;
        }
        var file = folder.resolve(instance + SUFFIX);
        if (!instance.besides(own)) { // another boot
            Files.deleteIfExists(file);
            return true;
        }
        FileChannel channel;
        try {
            channel = FileChannel.open(file, READ, WRITE);
        } catch (NoSuchFileException e) { // removed when it ended, or when it was found dead
            return true;
        }
        return isUnlocked(file, channel);
    }

    private boolean isUnlocked(Path file, FileChannel channel) throws IOException {
        try {
            var dead = channel.tryLock() != null;
            if (dead) {
                Files.deleteIfExists(file);
            }
            Closing.quietly(channel);
            return dead;
        } catch (OverlappingFileLockException e) {
            keptOpen.add(channel);
            return false;
        }
    }

    /// Clears away all locks, where no other driver can be.
    static void clear(Path folder) throws IOException {
        for (var file : files(folder)) {
            Files.deleteIfExists(file);
        }
    }

    private static List<Path> files(Path folder) throws IOException {
        try (var listed = Files.list(folder)) {
            return listed.toList();
        }
    }

    /// Clears away the locks of the dead.
    void sweep() throws IOException {
        for (var file : files(folder)) {
            var name = VolumeStore.fileName(file);
            if (name.endsWith(SUFFIX)) {
                var instance = Instance.parse(name.substring(0, name.length() - SUFFIX.length()));
                if (instance.isPresent()) {
                    var _ = isDead(instance.get());
                }
            }
        }
    }

    @Override
    public void close() {
        try {
            Files.deleteIfExists(ownFile);
        } catch (IOException e) {
            Closing.LOG.debug("{} stays", ownFile, e);
        }
        keptOpen.forEach(Closing::quietly);
        keptOpen.clear();
    }
}
