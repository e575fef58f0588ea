package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// An open folder whose entries may have names of any bytes, which Java's paths have not in every
/// locale. Nothing here follows a symlink.
///
/// @param fd open for reading
public record Folder(Fd fd) implements AutoCloseable {
    private static final int OPEN = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY;

    // struct linux_dirent64, getdents64(2)
    private static final int RECORD_LENGTH = 16;
    private static final int NAME = 19;
    private static final int ENTRIES_BYTES = 64 << 10;

    /// PATH_MAX
    private static final int PATH_BYTES = 4096;

    /// Follows symlinks, in this path alone.
    public static Folder open(Path path) throws ErrnoException {
        return new Folder(Fd.open(path, OPEN));
    }

    /// Anew, by what is open already, with O_PATH or not.
    public static Folder of(Fd folder) throws ErrnoException {
        var here = Syscall.cString(".");
        return new Folder(Fd.open(folder.number(), here, OPEN, 0, folder.toString()));
    }

    /// What is in it now, without `.` and `..`, in the kernel's order. Once for each Folder.
    public List<FileName> names() throws ErrnoException {
        var names = new ArrayList<FileName>();
        var entries = new byte[ENTRIES_BYTES];
        while (true) {
            var length =
                    (int)
                            Syscall.retrying(
                                    "getdents64",
                                    fd,
                                    () -> LIBC.getdents64(fd.number(), entries, entries.length));
            if (length == 0) {
                return names;
            }
            var fields = ByteBuffer.wrap(entries).order(ByteOrder.nativeOrder());
            for (var at = 0; at < length; ) {
                var next = at + Short.toUnsignedInt(fields.getShort(at + RECORD_LENGTH));
                var name = name(entries, at + NAME);
                if (!isDots(name)) {
                    names.add(new FileName(name));
                }
                at = next;
            }
        }
    }

    private static byte[] name(byte[] entries, int start) {
        var end = start;
        while (entries[end] != 0) {
            end++;
        }
        return Arrays.copyOfRange(entries, start, end);
    }

    private static boolean isDots(byte[] name) {
        return name[0] == '.' && (name.length == 1 || (name.length == 2 && name[1] == '.'));
    }

    /// The entry itself (O_PATH), whatever kind of file it is.
    public Fd object(FileName name) throws ErrnoException {
        return open(name, OpenFlags.O_PATH, 0);
    }

    /// A new file, for reading and writing.
    public Fd create(FileName name) throws ErrnoException {
        return open(name, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0600);
    }

    private Fd open(FileName name, int flags, int mode) throws ErrnoException {
        var path = name.cString();
        var all = flags | OpenFlags.O_NOFOLLOW | OpenFlags.O_CLOEXEC;
        var number =
                Syscall.retrying(
                        "openat", shown(name), () -> LIBC.openat(fd.number(), path, all, mode));
        return Fd.of(number, shown(name));
    }

    /// A folder of this name, new or there before; EEXIST only where it is something else.
    public void makeFolder(FileName name) throws ErrnoException {
        var path = name.cString();
        var made =
                Syscall.expecting(
                        "mkdirat",
                        shown(name),
                        () -> LIBC.mkdirat(fd.number(), path, 0700),
                        Errno.EEXIST);
        if (made == Syscall.FAILED) {
            try (var there = object(name)) {
                if (!there.stat().isFolder()) {
                    throw new ErrnoException("mkdirat", shown(name), Errno.EEXIST);
                }
            }
        }
    }

    /// mknod(2): a pipe or a device file like the one that `stat` is of.
    public void makeNode(FileName name, Stat stat) throws ErrnoException {
        var path = name.cString();
        Syscall.retrying(
                "mknodat",
                shown(name),
                () -> LIBC.mknodat(fd.number(), path, stat.mode(), stat.rdev()));
    }

    /// @param content what it leads to
    public void makeSymlink(FileName name, FileName content) throws ErrnoException {
        var path = name.cString();
        var leadsTo = content.cString();
        Syscall.retrying(
                "symlinkat", shown(name), () -> LIBC.symlinkat(leadsTo, fd.number(), path));
    }

    /// Another name in this folder for the file that has this path below `root`.
    public void makeLink(FileName name, Folder root, FileName existing) throws ErrnoException {
        var path = name.cString();
        var from = existing.cString();
        Syscall.retrying(
                "linkat",
                shown(name),
                () -> LIBC.linkat(root.fd.number(), from, fd.number(), path, 0));
    }

    /// What a symlink leads to.
    ///
    /// @param symlink as [#object] answers it
    public static FileName readSymlink(Fd symlink) throws ErrnoException {
        var content = new byte[PATH_BYTES];
        var length =
                Syscall.retrying(
                        "readlinkat",
                        symlink,
                        () ->
                                LIBC.readlinkat(
                                        symlink.number(),
                                        Syscall.EMPTY_PATH,
                                        content,
                                        content.length));
        return new FileName(Arrays.copyOf(content, (int) length));
    }

    private String shown(FileName name) {
        return fd + "/" + name;
    }

    @Override
    public void close() {
        fd.close();
    }
}
