package dev.stowage.backend.file;

import java.nio.file.Path;

/// Where things lie in one snapshot's folder, be it real, being built or being erased.
record SnapshotFolder(Path path) {
    static final String RECORD = "snapshot.json";
    static final String FORMAT = VolumeFolder.FORMAT;
    static final String IMAGE = VolumeFolder.IMAGE;

    Path record() {
        return path.resolve(RECORD);
    }

    Path format() {
        return path.resolve(FORMAT);
    }

    Path image() {
        return path.resolve(IMAGE);
    }
}
