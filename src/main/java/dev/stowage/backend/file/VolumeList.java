package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_DIRECTORY;

import dev.stowage.linux.Fd;
import dev.stowage.linux.FileVersion;
import dev.stowage.volume.ListedVolume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The pool's volumes in order. All of them are asked for again and again, so records that have not
/// changed are not read again.
final class VolumeList {
    private static final Logger LOG = LoggerFactory.getLogger(VolumeList.class);

    /// About 1 KiB of memory each.
    private static final int MOST_KEPT = 16 << 10;

    private final OpenPool open;
    private final PoolFolder pool;
    private final VolumeStore store;
    private final UnchangedFiles<String, List<VolumeId>> names;
    private final UnchangedFiles<VolumeId, ListedVolume> volumes;

    VolumeList(OpenPool open, VolumeStore store) {
        this.open = open;
        this.pool = open.folder();
        this.store = store;
        names = new UnchangedFiles<>(1, open.times());
        volumes = new UnchangedFiles<>(MOST_KEPT, open.times());
    }

    /// At most `limit` of those after `after`; damaged ones are left out.
    List<ListedVolume> list(Optional<VolumeId> after, int limit) throws IOException {
        try (var folder = Fd.open(pool.volumes(), O_DIRECTORY)) {
            var following = following(ids(folder), after).iterator();
            var listed = new ArrayList<ListedVolume>();
            while (listed.size() < limit && following.hasNext()) {
                readable(folder, following.next()).ifPresent(listed::add);
            }
            return listed;
        }
    }

    /// The ids of all after `after`, damaged ones too, in order.
    List<VolumeId> ids(Optional<VolumeId> after) throws IOException {
        try (var folder = Fd.open(pool.volumes(), O_DIRECTORY)) {
            return following(ids(folder), after);
        }
    }

    private List<VolumeId> ids(Fd folder) throws IOException {
        return names.read("", folder.versionAt(".").stream().toList(), this::sortedIds)
                .orElseThrow();
    }

    /// What comes after `after` in a list that is in order.
    static <T extends Comparable<T>> List<T> following(List<T> sorted, Optional<T> after) {
        if (after.isEmpty()) {
            return sorted;
        }
        var at = Collections.binarySearch(sorted, after.get());
        return sorted.subList(at < 0 ? -at - 1 : at + 1, sorted.size());
    }

    private Optional<List<VolumeId>> sortedIds() throws IOException {
        var ids = store.ids().stream().sorted().toList();
        volumes.retain(Set.copyOf(ids));
        return Optional.of(ids);
    }

    private Optional<ListedVolume> readable(Fd folder, VolumeId id) throws IOException {
        try {
            return volumes.read(id, versions(folder, id), () -> stored(id));
        } catch (VolumeException e) {
            LOG.warn("volume {} is left out of the list: {}", id, e.getMessage());
            return Optional.empty();
        } catch (IOException e) {
            Examination.requireStillThere(open);
            LOG.warn("volume {} can't be read and is left out of the list", id, e);
            return Optional.empty();
        }
    }

    /// Of the files that say what is listed of a volume; empty if one is not there.
    private static List<FileVersion> versions(Fd folder, VolumeId id) throws IOException {
        var record = folder.versionAt(id + "/" + VolumeFolder.RECORD);
        var holders = folder.versionAt(id + "/" + VolumeFolder.HOLDERS);
        return record.isPresent() && holders.isPresent()
                ? List.of(record.get(), holders.get())
                : List.of();
    }

    private Optional<ListedVolume> stored(VolumeId id) throws IOException {
        var volume = store.find(id);
        return volume.isPresent()
                ? Optional.of(
                        new ListedVolume(volume.get(), AttachmentRecords.nodes(pool.volume(id))))
                : Optional.empty();
    }
}
