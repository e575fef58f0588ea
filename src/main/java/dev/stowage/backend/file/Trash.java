package dev.stowage.backend.file;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Stat;
import dev.stowage.spi.ImageFiles;
import dev.stowage.volume.Reason;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Deletes with one rename into the trash, which needs no free space, and erases afterwards. What
/// lies in the trash counts until it is gone.
final class Trash {
    private static final Logger LOG = LoggerFactory.getLogger(Trash.class);

    /// How often room is made for one delete.
    private static final int TRIES = 8;

    private final PoolFolder pool;
    private final OpenFolders folders;
    private final Durable durable;
    private final Reservations reservations;
    private final Background background;
    private final Spare spare;
    private final boolean shared;

    Trash(OpenPool open) {
        pool = open.folder();
        folders = open.folders();
        durable = open.durable();
        reservations = open.reservations();
        background = open.background();
        spare = new Spare(pool, durable);
        shared = open.shared();
    }

    /// @param nonce the name under which it lies in the trash
    void put(VolumeId id, String nonce) throws IOException {
        var folder = pool.volume(id);
        requireUnused(folder, id);
        var trashed = new VolumeFolder(pool.trash().resolve(nonce));
        if (!renamed(folder.path(), trashed.path())) {
            durable.sync(folders.volumes());
            return;
        }
        var holders = AttachmentRecords.nodes(trashed);
        if (!holders.isEmpty()) { // attached by another driver since we looked
            Linux.renameNoReplace(trashed.path(), folder.path());
            durable.sync(folders.volumes());
            throw AttachmentRecords.attachedTo(folder, holders);
        }
        durable.sync(folders.trash());
        durable.sync(folders.volumes());
        reservations.rename(ReservationKey.of(id), ReservationKey.trash(nonce));
        eraseLater(trashed);
    }

    /// As [#put(VolumeId, String)], for a snapshot, which is never attached.
    void put(SnapshotId id, String nonce) throws IOException {
        var trashed = new VolumeFolder(pool.trash().resolve(nonce));
        if (renamed(pool.snapshot(id).path(), trashed.path())) {
            durable.sync(folders.trash());
            reservations.rename(ReservationKey.of(id), ReservationKey.trash(nonce));
            eraseLater(trashed);
        }
        durable.sync(folders.snapshots());
    }

    /// False if another driver was first. Where a full disk has no room for one more name in the
    /// trash (XFS keeps few of them in the folder's inode) what is there is erased first, then the
    /// spare file is given up.
    private boolean renamed(Path folder, Path trashed) throws IOException {
        for (var tries = 0; ; tries++) {
            try {
                Linux.renameNoReplace(folder, trashed);
                return true;
            } catch (ErrnoException e) {
                if (e.is(Errno.ENOENT)) {
                    return false;
                }
                if (!Durable.noRoom(e) || tries == TRIES) {
                    throw CapacityCheck.explained(e, pool.root());
                }
            }
            makeRoom();
            if (tries > 0) {
                var _ = spare.spend();
            }
        }
    }

    private void makeRoom() throws IOException {
        for (var entry : trashed()) {
            try {
                erase(new VolumeFolder(entry));
            } catch (IOException e) { // the background thread is at it too
                LOG.debug("{} is not erased now", entry, e);
            }
        }
        Linux.syncfs(pool.root()); // some file systems free what was erased only then
    }

    /// In a shared pool the holds say which nodes use a volume, and a node that has the image open
    /// without one has forgotten to unstage it; only there it can be seen that this is so.
    private void requireUnused(VolumeFolder folder, VolumeId id) throws IOException {
        var holders = AttachmentRecords.nodes(folder);
        if (!holders.isEmpty()) {
            throw AttachmentRecords.attachedTo(folder, holders);
        }
        var image = Linux.lstatIfExists(folder.image());
        if (image.isEmpty()) {
            return;
        }
        for (var loop : LoopUsers.of(id, image.get().id())) {
            if (shared && loop.name().startsWith(ImageFiles.DEVICE_NAME_PREFIX)) {
                continue;
            }
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is in use on this machine: %s ('%s') has its image open; unstage it there, or detach that loop device"
                            .formatted(id, loop.path(), loop.name()));
        }
    }

    /// Takes up what earlier runs left.
    void eraseLeftovers() throws IOException {
        try {
            spare.keep();
        } catch (IOException e) {
            LOG.warn("no space is kept for deletes on a full disk: {}", e.getMessage());
        }
        trashed().forEach(entry -> eraseLater(new VolumeFolder(entry)));
    }

    private List<Path> trashed() throws IOException {
        try (var listed = Files.list(pool.trash())) {
            return listed.toList();
        }
    }

    private void eraseLater(VolumeFolder trashed) {
        background.submit(
                "erasing " + trashed.path(),
                () -> {
                    eraseOrMakeRoom(trashed);
                    spare.keep();
                });
    }

    /// A full btrfs may refuse even to remove files until it has written what was removed before.
    private void eraseOrMakeRoom(VolumeFolder trashed) throws IOException {
        try {
            erase(trashed);
        } catch (IOException e) {
            LOG.warn("{} is not erased yet: {}", trashed.path(), e.getMessage());
            var _ = spare.spend();
            Linux.syncfs(pool.root());
            erase(trashed);
        }
    }

    private void erase(VolumeFolder trashed) throws IOException {
        var name = VolumeStore.fileName(trashed.path());
        if (!AttachmentRecords.nodes(trashed).isEmpty()) {
            restore(trashed, name);
            return;
        }
        var bytes = Linux.lstatIfExists(trashed.image()).map(Stat::allocatedBytes).orElse(0L);
        FolderTree.erase(trashed.path());
        if (Linux.statfs(pool.root()).availableBytes() < bytes) {
            Linux.syncfs(pool.root()); // btrfs may take half a minute until it is free, else
        }
        reservations.drop(ReservationKey.trash(name));
    }

    /// A delete was killed after its rename and before it saw that the volume had been attached.
    private void restore(VolumeFolder trashed, String name) throws IOException {
        var id = Instance.volumeOf(name);
        if (id.isEmpty()) {
            LOG.warn("{} is attached to a node and is not erased", trashed.path());
            return;
        }
        Linux.renameNoReplace(trashed.path(), pool.volume(id.get()).path());
        durable.sync(folders.volumes());
        reservations.rename(ReservationKey.trash(name), ReservationKey.of(id.get()));
        LOG.warn("volume {} was attached while it was deleted: it is kept", id.get());
    }
}
