package dev.stowage.linux;

import static dev.stowage.linux.Syscall.POSIX;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.regex.Pattern;

/// What the kernel writes into its log from one moment on (/dev/kmsg,
/// Documentation/ABI/testing/dev-kmsg). File systems say there why they refuse a mount, and mostly
/// nowhere else. Where the log can't be read (kernel.dmesg_restrict, a container without the
/// device) there are no words, and no error.
final class KernelLog implements AutoCloseable {
    private static final Path KMSG = Path.of("/dev/kmsg");
    private static final int SEEK_END = 2;

    /// One read(2) answers one record, EINVAL where it does not fit: PRINTK_MESSAGE_MAX.
    private static final int RECORD_BYTES = 8192;

    /// The ring may hold thousands of records that others write meanwhile.
    private static final int MOST_RECORDS = 10_000;

    private static final int MOST_LINES = 6;

    /// KERN_WARNING and what is graver
    private static final int WARNING = 4;

    /// `level|facility, sequence, microseconds, flags; text`
    private static final Pattern RECORD = Pattern.compile("(\\d+),[^;]*;([^\\n]*)", Pattern.DOTALL);

    private static final int LEVELS = 8;

    private final Optional<Fd> fd;

    private KernelLog(Optional<Fd> fd) {
        this.fd = fd;
    }

    static KernelLog fromNow() {
        try {
            var fd = Fd.open(KMSG, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK);
            if (POSIX.lseekLong(fd.number(), 0, SEEK_END) < 0) {
                fd.close();
                return new KernelLog(Optional.empty());
            }
            return new KernelLog(Optional.of(fd));
        } catch (ErrnoException e) {
            return new KernelLog(Optional.empty());
        }
    }

    /// What was written since then about a device, in one line: errors and warnings, or where there
    /// are none, everything. Empty for nothing.
    ///
    /// @param device as the kernel names it: `loop3`
    String about(String device) {
        var named = Pattern.compile("\\b" + Pattern.quote(device) + "\\b");
        var grave = new ArrayList<String>();
        var all = new ArrayList<String>();
        for (var line : lines()) {
            var record = RECORD.matcher(line);
            if (record.lookingAt() && named.matcher(record.group(2)).find()) {
                all.add(record.group(2));
                if (Long.parseLong(record.group(1)) % LEVELS <= WARNING) {
                    grave.add(record.group(2));
                }
            }
        }
        var words = new StringJoiner("; ");
        (grave.isEmpty() ? all : grave).stream().distinct().limit(MOST_LINES).forEach(words::add);
        return words.toString();
    }

    private List<String> lines() {
        var lines = new ArrayList<String>();
        var record = new byte[RECORD_BYTES];
        for (var i = 0; fd.isPresent() && i < MOST_RECORDS; i++) {
            try {
                var length = fd.get().read(record);
                lines.add(new String(record, 0, length, StandardCharsets.UTF_8));
            } catch (ErrnoException e) {
                if (!e.is(Errno.EPIPE)) { // which says that older ones were overwritten
                    break; // EAGAIN: no more
                }
            }
        }
        return lines;
    }

    @Override
    public void close() {
        fd.ifPresent(Fd::close);
    }
}
