package dev.stowage.backend.file;

import dev.stowage.testing.LoopFileSystem;

final class FileBackendOnXfsTest extends FileBackendOnDisk {
    @Override
    LoopFileSystem.Kind kind() {
        return LoopFileSystem.Kind.XFS;
    }
}
