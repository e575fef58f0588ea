package dev.stowage.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/// A `char *const[]` and its strings in one piece of memory, which lives as long as this object.
final class StringArray {
    private static final Runtime RUNTIME = Runtime.getRuntime(LibC.LIBC);

    private final ByteBuffer memory;
    private final Pointer pointer;

    /// @param strings each with a NUL at its end
    StringArray(List<byte[]> strings) {
        var offset = (strings.size() + 1) * Long.BYTES;
        var bytes = offset + strings.stream().mapToInt(string -> string.length).sum();
        memory = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
        pointer = Pointer.wrap(RUNTIME, memory);
        for (var i = 0; i < strings.size(); i++) {
            memory.putLong(i * Long.BYTES, pointer.address() + offset);
            memory.put(offset, strings.get(i));
            offset += strings.get(i).length;
        }
    }

    static StringArray of(List<String> texts) {
        return new StringArray(texts.stream().map(Syscall::cString).toList());
    }

    Pointer pointer() {
        return pointer;
    }
}
