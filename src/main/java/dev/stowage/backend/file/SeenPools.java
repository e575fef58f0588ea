package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_DIRECTORY;
import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.IoReason;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiPredicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The driver's own memory of the pools that it has had, `<state>/pools/<uuid>.json`: by it "new"
/// and "gone" differ. A name and a path belong to one pool at most.
///
/// A node's driver keeps it. A controller reads what its node's driver has seen, writes nothing,
/// and may be another user: so all may read it.
public final class SeenPools {
    private static final Logger LOG = LoggerFactory.getLogger(SeenPools.class);
    private static final String FOLDER = "pools";
    private static final String SUFFIX = ".json";
    private static final String CHOOSE = "let state in the configuration name another";

    /// Whoever may pass a folder reaches what is in it by its name.
    private static final int PASSING = 0111;

    private final Path folder;
    private final boolean kept;
    private final Durable durable;
    private final List<Seen> seen = new ArrayList<>();

    /// Files that should say which pools were here, and can't be read.
    private final List<String> unreadable = new ArrayList<>();

    /// Why the memory could not be read at all.
    private Optional<String> closed = Optional.empty();

    /// @param name what the configuration called it last; empty if another pool has that name now
    /// @param path where it was last; empty if another pool is there now
    private record Seen(UUID uuid, Optional<String> name, Optional<Path> path) {
        String tag() {
            return uuid.toString().substring(0, 8);
        }

        boolean isNamed(String wanted) {
            return name.filter(wanted::equals).isPresent();
        }

        boolean liesAt(Path wanted) {
            return path.filter(wanted::equals).isPresent();
        }

        Seen without(String otherName, Path otherPath) {
            return new Seen(
                    uuid,
                    name.filter(text -> !text.equals(otherName)),
                    path.filter(at -> !at.equals(otherPath)));
        }
    }

    /// The memory that this driver keeps.
    public SeenPools(Path stateFolder) throws IOException {
        this(stateFolder, true);
    }

    /// The memory that another driver keeps, as it is whenever a pool is opened.
    public static SeenPools ofAnother(Path stateFolder) throws IOException {
        return new SeenPools(stateFolder, false);
    }

    private SeenPools(Path stateFolder, boolean kept) throws IOException {
        this.kept = kept;
        folder = stateFolder.resolve(FOLDER);
        var counter = new AtomicLong();
        // Process ids repeat in the containers that share the folder.
        var run = "%016x".formatted(ThreadLocalRandom.current().nextLong());
        durable =
                new Durable(
                        new Sickness(),
                        () -> Nonces.TEMPORARY + run + "." + counter.incrementAndGet(),
                        SeenPools::letAllRead);
        load();
    }

    /// 0755 or 0644, whatever it was.
    private static void letAllRead(Fd fd) throws IOException {
        var stat = fd.stat();
        var mode = stat.isFolder() ? 0755 : 0644;
        if (stat.permissions() != mode) {
            fd.changeMode(mode);
        }
    }

    /// As [#letAllRead], where the disk of the state can be written at present.
    private static void letAllReadIfWritable(Fd fd) throws IOException {
        try {
            letAllRead(fd);
        } catch (ErrnoException e) {
            if (!Durable.comesLater(e)) {
                throw e;
            }
        }
    }

    private void load() throws IOException {
        seen.clear();
        unreadable.clear();
        closed = Optional.empty();
        List<Path> files;
        try (var listed = Files.list(folder)) {
            files = listed.toList();
        } catch (NoSuchFileException e) {
            return;
        } catch (AccessDeniedException e) {
            if (kept) {
                throw e;
            }
            closed = Optional.of(folder.toString());
            return;
        } catch (IOException e) {
            forget(folder, e);
            return;
        }
        if (kept) {
            open(folder);
            letAllPass(stateFolder());
        }
        for (var file : files) {
            var name = VolumeStore.fileName(file);
            if (name.startsWith(Nonces.TEMPORARY)) {
                clear(file);
            } else if (name.endsWith(SUFFIX)) {
                load(file);
            }
        }
    }

    private void clear(Path file) {
        if (kept) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) { // it is in nobody's way
                LOG.warn("{} is left for the next start to clear", file, e);
            }
        }
    }

    /// What can't be read is not known, which is no reason not to serve pools that are there.
    private void forget(Path path, IOException why) {
        LOG.error(
                "what pools were here before is not known for certain: {} can't be read: {}",
                path,
                IoReason.of(why));
        unreadable.add(path.toString());
    }

    /// An older driver let nobody read it.
    private static void open(Path path) throws IOException {
        try (var fd = Fd.open(path, O_NOFOLLOW)) {
            letAllReadIfWritable(fd);
        }
    }

    /// A driver that ran under a strict umask made the state folder itself for root alone.
    private static void letAllPass(Path state) throws IOException {
        try (var fd = Fd.open(state, O_DIRECTORY)) {
            var mode = fd.stat().permissions();
            if ((mode & PASSING) != PASSING) {
                fd.changeMode(mode | PASSING);
            }
        }
    }

    private void load(Path file) throws IOException {
        try {
            if (kept) {
                open(file);
            }
            var stored = StoredRecord.read(file);
            seen.add(
                    new Seen(
                            PoolIdentity.uuid(stored, stored.text("uuid")),
                            stored.optionalText("name"),
                            stored.optionalText("path").map(Path::of)));
        } catch (VolumeException e) {
            LOG.error("what pools were here before is not known for certain: {}", e.getMessage());
            unreadable.add(file.toString());
        } catch (ErrnoException e) {
            if (!e.is(Errno.EACCES)) {
                forget(file, e);
            } else if (kept) {
                throw e;
            } else {
                closed = Optional.of(file.toString());
            }
        } catch (NoSuchFileException e) {
            if (kept) {
                throw e;
            }
        }
    }

    /// Reads it anew, if it is another driver's.
    ///
    /// @throws VolumeException UNAVAILABLE if it can't be read
    synchronized void refresh() throws IOException {
        if (kept) {
            return;
        }
        load();
        if (closed.isPresent()) {
            throw new VolumeException(
                    Reason.UNAVAILABLE,
                    "whether another pool was here before is not known, for %s can't be read: the driver of this node lets all read it when it starts"
                            .formatted(closed.get()));
        }
    }

    /// Why nothing can be remembered: what is in the state folder's place.
    Optional<String> obstacle() {
        var state = stateFolder();
        return Files.exists(state) && !Files.isDirectory(state)
                ? Optional.of(
                        "the driver's state folder %s is no folder: move it away, or %s"
                                .formatted(state, CHOOSE))
                : Optional.empty();
    }

    /// Whether this driver would know it again; only then may it make one.
    boolean remembers() {
        return kept;
    }

    /// The first digits of the uuid of the pool that was called so or was there.
    synchronized Optional<String> knownTag(String name, Path path) {
        return expected(name, path).stream().findFirst().map(Seen::tag);
    }

    /// Pools that were called so, then pools that were there.
    synchronized List<UUID> known(String name, Path path) {
        return expected(name, path).stream().map(Seen::uuid).toList();
    }

    /// What the pool was called last and where it was, in words, if it is another name and place
    /// and `configured` says that both belong together still.
    synchronized Optional<String> usedElsewhere(
            UUID uuid, String name, BiPredicate<String, Path> configured) {
        return seen.stream()
                .filter(pool -> pool.uuid().equals(uuid) && !pool.isNamed(name))
                .filter(pool -> pool.name().isPresent() && pool.path().isPresent())
                .filter(pool -> configured.test(pool.name().get(), pool.path().get()))
                .map(pool -> "pool %s at %s".formatted(pool.name().get(), pool.path().get()))
                .findFirst();
    }

    private List<Seen> expected(String name, Path path) {
        var found = new ArrayList<Seen>();
        seen.stream().filter(pool -> pool.isNamed(name)).forEach(found::add);
        seen.stream()
                .filter(pool -> pool.liesAt(path) && !found.contains(pool))
                .forEach(found::add);
        return found;
    }

    /// Where the memory of a pool is, for the remedy in a message.
    Path file(UUID uuid) {
        return folder.resolve(uuid + SUFFIX);
    }

    /// Files in which any pool may be remembered: while there are such, none is made anew.
    synchronized List<String> unreadable() {
        return List.copyOf(unreadable);
    }

    /// Durable when it returns.
    synchronized void remember(UUID uuid, String name, Path path) throws IOException {
        var now = new Seen(uuid, Optional.of(name), Optional.of(path));
        if (!kept || seen.contains(now)) {
            return;
        }
        makeFolder(name);
        for (var i = 0; i < seen.size(); i++) {
            var other = seen.get(i);
            var left = other.without(name, path);
            if (!other.uuid().equals(uuid) && !left.equals(other)) {
                write(left);
                seen.set(i, left);
            }
        }
        write(now);
        seen.removeIf(pool -> pool.uuid().equals(uuid));
        seen.add(now);
    }

    private Path stateFolder() {
        return Objects.requireNonNull(folder.toAbsolutePath().getParent());
    }

    private void makeFolder(String pool) throws IOException {
        var state = stateFolder();
        if (Files.isDirectory(folder)) {
            return;
        }
        makeStateFolder(state, pool);
        letAllPass(state);
        try (var parent = Fd.open(state, O_DIRECTORY)) {
            var _ = FolderTree.makeIfAbsent(parent, FOLDER, SeenPools::letAllRead);
            parent.fsync();
        }
    }

    private static void makeStateFolder(Path state, String pool) {
        try {
            Files.createDirectories(state);
        } catch (IOException e) {
            throw new VolumeException(
                    Reason.UNAVAILABLE,
                    "pool %s can't be used: the driver's state folder %s can't be made (%s): make it, or %s"
                            .formatted(pool, state, IoReason.of(e), CHOOSE),
                    e);
        }
    }

    private void write(Seen pool) throws IOException {
        var file = file(pool.uuid());
        var record = StoredRecord.readIfThere(file).orElseGet(() -> StoredRecord.blank(file));
        durable.replace(
                file,
                record.with("uuid", pool.uuid().toString())
                        .with("name", pool.name())
                        .with("path", pool.path().map(Path::toString))
                        .bytes());
    }
}
