package dev.stowage.backend.file;

import dev.stowage.linux.FileSystemHealth;
import dev.stowage.linux.Linux;
import dev.stowage.spi.ImageFiles;
import dev.stowage.volume.GroupId;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;

/// Where things lie in a pool's folder.
record PoolFolder(Path root) {
    static final String VOLUMES = ImageFiles.VOLUMES;
    static final String SNAPSHOTS = "snapshots";
    static final String GROUPS = "groups";
    static final String INCOMING = ".incoming";
    static final String TRASH = ".trash";
    static final String NODES = "nodes";
    static final String DRIVERS = ".drivers";
    static final String LOCK = ".lock";

    /// Whether the disk can't be written at present: it is mounted read-only, or an error made it
    /// so.
    boolean readOnly() throws IOException {
        return Linux.statfs(root).readOnly()
                || FileSystemHealth.extRefusesWrites(Linux.stat(root).dev());
    }

    Path identity() {
        return root.resolve("pool.json");
    }

    Path volumes() {
        return root.resolve(VOLUMES);
    }

    VolumeFolder volume(VolumeId id) {
        return new VolumeFolder(volumes().resolve(id.toString()));
    }

    Path snapshots() {
        return root.resolve(SNAPSHOTS);
    }

    SnapshotFolder snapshot(SnapshotId id) {
        return new SnapshotFolder(snapshots().resolve(id.toString()));
    }

    Path groups() {
        return root.resolve(GROUPS);
    }

    Path group(GroupId id) {
        return groups().resolve(id + ".json");
    }

    Path incoming() {
        return root.resolve(INCOMING);
    }

    Path trash() {
        return root.resolve(TRASH);
    }

    Path nodes() {
        return root.resolve(NODES);
    }

    Path drivers() {
        return root.resolve(DRIVERS);
    }

    Path lock() {
        return root.resolve(LOCK);
    }
}
