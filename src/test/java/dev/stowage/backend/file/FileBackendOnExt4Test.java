package dev.stowage.backend.file;

import dev.stowage.testing.LoopFileSystem;

final class FileBackendOnExt4Test extends FileBackendOnDisk {
    @Override
    LoopFileSystem.Kind kind() {
        return LoopFileSystem.Kind.EXT4;
    }
}
