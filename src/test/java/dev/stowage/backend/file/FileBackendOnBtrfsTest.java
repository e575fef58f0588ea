package dev.stowage.backend.file;

import dev.stowage.testing.LoopFileSystem;

final class FileBackendOnBtrfsTest extends FileBackendOnDisk {
    @Override
    LoopFileSystem.Kind kind() {
        return LoopFileSystem.Kind.BTRFS;
    }
}
