package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/// A file system being configured (fsopen(2)). Refusals carry the lines that the file system wrote
/// into the context's log, and those about its device in the kernel's log, which are mostly all.
final class FsContext implements AutoCloseable {
    // linux/mount.h: enum fsconfig_command, FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC
    private static final long FSOPEN_CLOEXEC = 1;
    private static final long FSMOUNT_CLOEXEC = 1;
    private static final long FSCONFIG_SET_FLAG = 0;
    private static final long FSCONFIG_SET_STRING = 1;
    private static final long FSCONFIG_CMD_CREATE = 6;
    private static final long FSCONFIG_CMD_RECONFIGURE = 7;
    private static final long FSPICK_CLOEXEC = 1;

    /// The kernel keeps the last 8 messages (struct fc_log, linux/fs_context.h).
    private static final int LOG_LINES = 8;

    private static final int LINE_BYTES = 1024;

    private final Fd fd;
    private final String source;
    private final String subject;

    private FsContext(Fd fd, String source, String subject) {
        this.fd = fd;
        this.source = source;
        this.subject = subject;
    }

    /// ENODEV where this kernel has no file system of that name.
    static FsContext open(String type, String source) throws ErrnoException {
        var subject = source + " as " + type;
        var result = LIBC.syscall(SystemCalls.FSOPEN, Syscall.cString(type), FSOPEN_CLOEXEC);
        return new FsContext(
                Fd.of(Syscall.once("fsopen", subject, result), subject), source, subject);
    }

    /// The superblock that is mounted here (fspick(2)); EINVAL where the path is no mount's root.
    static FsContext pick(Path mountPoint) throws ErrnoException {
        var subject = "what is mounted at " + mountPoint;
        var result =
                LIBC.syscall(
                        SystemCalls.FSPICK,
                        SystemCalls.AT_FDCWD,
                        Syscall.cString(mountPoint),
                        FSPICK_CLOEXEC);
        return new FsContext(
                Fd.of(Syscall.once("fspick", subject, result), subject),
                mountPoint.toString(),
                subject);
    }

    /// `flag` or `key=value`; only the first equals sign separates.
    void set(String option) throws ErrnoException {
        var separator = option.indexOf('=');
        if (separator < 0) {
            configure(FSCONFIG_SET_FLAG, option, null);
        } else {
            setString(option.substring(0, separator), option.substring(separator + 1));
        }
    }

    void setString(String key, String value) throws ErrnoException {
        configure(FSCONFIG_SET_STRING, key, value);
    }

    /// Makes the superblock, or finds the one that the device has already.
    void create() throws ErrnoException {
        try (var kernelLog = KernelLog.fromNow()) {
            if (call(FSCONFIG_CMD_CREATE, null, null) < 0) {
                var errno = Syscall.errno();
                var words = new StringJoiner("; ");
                var device = Path.of(source).getFileName();
                for (var said : List.of(log(), kernelLog.about(String.valueOf(device)))) {
                    if (!said.isEmpty()) {
                        words.add(said);
                    }
                }
                throw new ErrnoException("fsconfig", subject, errno, words.toString());
            }
        }
    }

    /// Asks the picked superblock to take on the options that were set. Answers the error.
    Optional<Errno> reconfigure() {
        var result =
                LIBC.syscall(
                        SystemCalls.FSCONFIG, fd.number(), FSCONFIG_CMD_RECONFIGURE, null, null, 0);
        return result < 0 ? Optional.of(Errno.of(Syscall.errno())) : Optional.empty();
    }

    private void configure(long command, String key, @Nullable String value) throws ErrnoException {
        if (call(command, key, value) < 0) {
            var errno = Syscall.errno();
            throw new ErrnoException("fsconfig", subject + ", option " + key, errno, log());
        }
    }

    private long call(long command, @Nullable String key, @Nullable String value) {
        return LIBC.syscall(
                SystemCalls.FSCONFIG,
                fd.number(),
                command,
                key == null ? null : Syscall.cString(key),
                value == null ? null : Syscall.cString(value),
                0);
    }

    Fd mount(long attributes) throws ErrnoException {
        var result = LIBC.syscall(SystemCalls.FSMOUNT, fd.number(), FSMOUNT_CLOEXEC, attributes);
        if (result < 0) {
            throw new ErrnoException("fsmount", subject, Syscall.errno(), log());
        }
        return Fd.of(result, "a mount of " + subject);
    }

    /// Each read(2) answers one message, `e ` for an error, `w ` a warning, `i ` a remark before
    /// it; ENODATA when there is none left.
    private String log() {
        var lines = new StringJoiner("; ");
        var line = new byte[LINE_BYTES];
        for (var i = 0; i < LOG_LINES; i++) {
            var length = Syscall.POSIX.read(fd.number(), line, (long) line.length);
            if (length <= 0) {
                break;
            }
            var text = new String(line, 0, (int) length, StandardCharsets.UTF_8).strip();
            if (text.startsWith("e ") || text.startsWith("w ")) {
                lines.add(text.substring(2));
            }
        }
        return lines.toString();
    }

    @Override
    public void close() {
        fd.close();
    }
}
