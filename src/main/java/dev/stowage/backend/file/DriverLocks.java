package dev.stowage.backend.file;

import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The files `.drivers/<instance>.lock`, by which all who share a pool, drivers and offline
/// commands, tell who is alive.
final class DriverLocks implements AutoCloseable {
    private static final String SUFFIX = ".lock";

    private final Path folder;
    private final Instance own;
    private final boolean alone;
    private final Path ownFile;
    private final Durable durable;
    private boolean taken;

    /// Of drivers in this very process: closing these would give up their locks.
    private final List<FileChannel> keptOpen = new ArrayList<>();

    private DriverLocks(Path folder, Instance own, boolean alone, Durable durable) {
        this.folder = folder;
        this.own = own;
        this.alone = alone;
        this.ownFile = folder.resolve(own + SUFFIX);
        this.durable = durable;
        this.taken = alone;
    }

    /// Takes the lock of `own`. Where the disk has no room for it, or can't be written, that is
    /// left until [#require].
    static DriverLocks take(Path folder, Instance own, Durable durable) throws IOException {
        var locks = new DriverLocks(folder, own, false, durable);
        try {
            locks.require();
        } catch (IOException | RuntimeException e) {
            if (!(e instanceof ErrnoException refused && Durable.comesLater(refused))) {
                locks.close();
                throw e;
            }
        }
        return locks;
    }

    /// Whether others can see that this one runs; else they may clear what it builds.
    synchronized boolean taken() {
        return taken;
    }

    /// To be called before anything is built: takes the lock, if it is not taken yet.
    synchronized void require() throws IOException {
        if (taken) {
            return;
        }
        try {
            make();
        } catch (ErrnoException e) {
            if (!Durable.noRoom(e) || !inherit()) {
                throw e;
            }
        }
        taken = true;
    }

    /// It is locked before it has its name, so nobody takes it for a dead one's meanwhile.
    private void make() throws IOException {
        var made = durable.temporary(folder, new byte[0]);
        try {
            var channel = FileChannel.open(made, READ, WRITE);
            keptOpen.add(channel);
            if (channel.tryLock() == null) {
                throw new IOException(made + " is locked by somebody else; retry");
            }
            durable.rename(made, ownFile);
        } catch (IOException e) {
            Files.deleteIfExists(made);
            throw e;
        }
    }

    /// Takes over the lock file that a dead driver of this node left, which needs no room.
    private boolean inherit() throws IOException {
        for (var instance : instances()) {
            if (instance.node().equals(own.node()) && inherit(folder.resolve(instance + SUFFIX))) {
                return true;
            }
        }
        return false;
    }

    private boolean inherit(Path file) throws IOException {
        FileChannel channel;
        try {
            channel = FileChannel.open(file, READ, WRITE);
        } catch (NoSuchFileException e) { // another one was first
            return false;
        }
        try {
            if (channel.tryLock() != null && renamed(file)) {
                keptOpen.add(channel);
                return true;
            }
            Closing.quietly(channel);
        } catch (OverlappingFileLockException e) {
            keptOpen.add(channel);
        }
        return false;
    }

    private boolean renamed(Path file) throws IOException {
        try {
            Linux.renameNoReplace(file, ownFile);
        } catch (ErrnoException e) {
            if (Durable.noRoom(e) || e.is(Errno.ENOENT)) {
                return false;
            }
            throw e;
        }
        durable.syncFolder(folder);
        return true;
    }

    /// For the driver that has the pool's own lock and needs none here: whoever else is at the pool
    /// is an offline command on this machine.
    static DriverLocks alone(Path folder, Instance own, Durable durable) {
        return new DriverLocks(folder, own, true, durable);
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
