package dev.stowage.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// What sysfs tells of a block device.
public final class BlockStatistics {
    private static final Path DEVICES = Path.of("/sys/dev/block");

    /// Of Documentation/block/stat.rst: write I/Os, merges, sectors; and the same of discards.
    private static final int[] WRITES = {4, 5, 6, 11, 12, 13};

    private BlockStatistics() {}

    /// A number that no other use of this or another device has (diskseq, Linux 5.15); empty where
    /// the kernel does not tell.
    ///
    /// @param number `major:minor`
    public static String sequence(String number) throws IOException {
        try {
            return Files.readString(DEVICES.resolve(number).resolve("diskseq")).strip();
        } catch (NoSuchFileException e) {
            return "";
        }
    }

    /// The counts of what was written to the device: the same text again means that nothing was
    /// written in between.
    public static String writes(String number) throws IOException {
        var counts = Files.readString(DEVICES.resolve(number).resolve("stat")).strip().split(" +");
        var writes = new StringBuilder();
        for (var field : WRITES) {
            if (field < counts.length) {
                writes.append(counts[field]).append(' ');
            }
        }
        return writes.toString();
    }
}
