package dev.stowage.linux;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;

/// What sysfs shows of the loop device with a number. Nothing here opens a device, which would be
/// in the way of whoever detaches it, or asks the file system of its file.
record LoopSysfs(int number) {
    private static final File SYS_BLOCK = new File("/sys/block");

    /// sysfs counts in these whatever the device's own blocks are.
    private static final int SECTOR_BYTES = 512;

    boolean isBound() {
        return file("loop").exists();
    }

    /// As [UnreadableLoop#file()].
    String backingFile() {
        return text("loop/backing_file");
    }

    boolean readOnly() {
        return text("ro").equals("1");
    }

    long sizeBytes() {
        return number("size") * SECTOR_BYTES;
    }

    int blockSize() {
        return Math.toIntExact(number("queue/logical_block_size"));
    }

    private File file(String name) {
        return new File(SYS_BLOCK, "loop" + number + "/" + name);
    }

    private long number(String name) {
        var text = text(name);
        return text.isEmpty() ? 0 : Long.parseLong(text);
    }

    /// Empty where the device was detached in the meantime.
    private String text(String name) {
        try {
            var text = KernelText.of(Files.readAllBytes(file(name).toPath()));
            return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
        } catch (IOException e) {
            return "";
        }
    }
}
