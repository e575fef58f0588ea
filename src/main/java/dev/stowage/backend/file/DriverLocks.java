package dev.stowage.backend.file;

import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The files `.drivers/<instance>.lock`, by which all who share a pool, drivers and guests, tell
/// who is alive.
final class DriverLocks implements AutoCloseable {
    private static final String SUFFIX = ".lock";

    private final Path folder;
    private final Instance own;
    private final boolean alone;
    private final Path ownFile;

    /// Of drivers in this very process: closing these would give up their locks.
    private final List<FileChannel> keptOpen = new ArrayList<>();

    private DriverLocks(Path folder, Instance own, boolean alone) {
        this.folder = folder;
        this.own = own;
        this.alone = alone;
        this.ownFile = folder.resolve(own + SUFFIX);
    }

    /// Takes the lock of `own`. It is locked before it has its name, so nobody takes it for a dead
    /// one's meanwhile.
    static DriverLocks take(Path folder, Instance own, Durable durable) throws IOException {
        var locks = new DriverLocks(folder, own, false);
        var made = durable.temporary(folder, new byte[0]);
        try {
            var channel = FileChannel.open(made, READ, WRITE);
            locks.keptOpen.add(channel);
            if (channel.tryLock() == null) {
                throw new IOException(made + " is locked by somebody else; retry");
            }
            durable.rename(made, locks.ownFile);
            return locks;
        } catch (IOException e) {
            Files.deleteIfExists(made);
            locks.close();
            throw e;
        }
    }

    /// For the driver that has the pool's own lock and needs none here: whoever else is at the pool
    /// is a guest on this machine.
    static DriverLocks alone(Path folder, Instance own) {
        return new DriverLocks(folder, own, true);
    }

    /// Whether the instance certainly runs no more. In a shared pool nothing is certain of other
    /// nodes.
    boolean isDead(Instance instance) throws IOException {
        if (instance.equals(own) || !(alone || instance.node().equals(own.node()))) {
            return false;
        }
        if (!alone && !instance.besides(own)) { // another boot
            Files.deleteIfExists(folder.resolve(instance + SUFFIX));
            return true;
        }
        return holdsNoLock(instance);
    }

    private boolean holdsNoLock(Instance instance) throws IOException {
        var file = folder.resolve(instance + SUFFIX);
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

    /// Clears away the locks of the dead. One that never got its name is certainly of a dead driver
    /// only after a boot.
    void sweep() throws IOException {
        for (var instance : instances()) {
            var _ = isDead(instance);
        }
        for (var name : names()) {
            var maker = Instance.makerOf(name).filter(one -> one.node().equals(own.node()));
            if (maker.isPresent() && !maker.get().besides(own)) {
                Files.deleteIfExists(folder.resolve(name));
            }
        }
    }

    /// Clears away the locks of those that died on this machine since it was started, and answers
    /// who they were. What boot ids tell is the machine; its name here may differ, as a container's
    /// does.
    List<Instance> sweepThisMachine() throws IOException {
        var dead = new ArrayList<Instance>();
        for (var instance : instances()) {
            if (!instance.equals(own)
                    && instance.boot().equals(own.boot())
                    && holdsNoLock(instance)) {
                dead.add(instance);
            }
        }
        return dead;
    }

    private List<Instance> instances() throws IOException {
        return names().stream()
                .filter(name -> name.endsWith(SUFFIX))
                .map(name -> name.substring(0, name.length() - SUFFIX.length()))
                .flatMap(name -> Instance.parse(name).stream())
                .toList();
    }

    private List<String> names() throws IOException {
        try (var listed = Files.list(folder)) {
            return listed.map(VolumeStore::fileName).toList();
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
