package dev.stowage.linux;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// The name of a file in its folder, or its path below some folder, as the kernel has it: any bytes
/// but NUL, which need not be text.
///
/// @param bytes without a NUL at the end
public record FileName(byte[] bytes) {
    /// The path of this name in the folder that `folder` names.
    public FileName below(FileName folder) {
        if (folder.bytes.length == 0) {
            return this;
        }
        var path = Arrays.copyOf(folder.bytes, folder.bytes.length + 1 + bytes.length);
        path[folder.bytes.length] = '/';
        System.arraycopy(bytes, 0, path, folder.bytes.length + 1, bytes.length);
        return new FileName(path);
    }

    byte[] cString() {
        return Arrays.copyOf(bytes, bytes.length + 1);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof FileName name && Arrays.equals(bytes, name.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    /// For messages.
    @Override
    public String toString() {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
