package dev.stowage.backend.file;

import dev.stowage.spi.ImageFiles;
import java.nio.file.Path;

/// Where things lie in one volume's folder, be it real, being built or being erased.
record VolumeFolder(Path path) {
    static final String RECORD = "volume.json";
    static final String FORMAT = "format";
    static final String IMAGE = ImageFiles.IMAGE;
    static final String HOLDERS = "holders";

    Path record() {
        return path.resolve(RECORD);
    }

    Path format() {
        return path.resolve(FORMAT);
    }

    Path image() {
        return path.resolve(IMAGE);
    }

    Path holders() {
        return path.resolve(HOLDERS);
    }
}
