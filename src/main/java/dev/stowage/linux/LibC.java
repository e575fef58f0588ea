package dev.stowage.linux;

import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import org.jspecify.annotations.Nullable;

/// The calls of the C library that jnr-posix lacks, or has without what we need (its open(2) takes
/// no folder descriptor, its stat no statx). jnr-ffi makes one class of this when it is loaded; it
/// saves errno for the calling thread after each call, to be read by [Syscall] on the same thread.
///
/// Paths and structures are byte arrays (jffi copies them to the stack): paths end in a NUL byte,
/// structures are written out with their offsets where they are used. ioctl(2), openat(2) and
/// syscall(2) are variadic in C, which for integers and pointers makes no difference in the calling
/// conventions of x86-64 and arm64 Linux.
///
/// Calls that older C libraries have no wrapper for go through `syscall` with numbers from
/// [SystemCalls]; its overloads are named for the calls that have these arguments.
final class LibC {
    /// Loaded once: it costs a few hundred milliseconds in a cold JVM.
    static final Calls LIBC = LibraryLoader.create(Calls.class).load("c");

    private LibC() {}

    /// Public for the class that jnr-ffi makes of it in a class loader of its own.
    public interface Calls {
        int openat(int folder, @In byte[] path, int flags, int mode);

        int mkdirat(int folder, @In byte[] path, int mode);

        int unlinkat(int folder, @In byte[] path, int flags);

        int mknodat(int folder, @In byte[] path, int mode, long device);

        int symlinkat(@In byte[] content, int folder, @In byte[] path);

        int linkat(int fromFolder, @In byte[] from, int toFolder, @In byte[] to, int flags);

        long readlinkat(int folder, @In byte[] path, @Out byte[] content, long size);

        int fchownat(int folder, @In byte[] path, int uid, int gid, int flags);

        int utimensat(int folder, @In byte[] path, @In byte[] times, int flags);

        /// glibc 2.30
        long getdents64(int folder, @Out byte[] entries, long size);

        long listxattr(@In byte[] path, @Out byte[] names, long size);

        long getxattr(@In byte[] path, @In byte[] name, @Out byte[] value, long size);

        int setxattr(@In byte[] path, @In byte[] name, @In byte[] value, long size, int flags);

        int fallocate(int fd, int mode, long offset, long length);

        /// Answers the errno itself.
        int posix_fadvise(int fd, long offset, long length, int advice);

        int syncfs(int fd);

        int statfs(@In byte[] path, @Out byte[] statfs);

        int umount2(@In byte[] target, int flags);

        int ioctl(int fd, long request, long argument);

        int ioctl(int fd, long request, @In @Out byte[] argument);

        int fcntl(int fd, int command, long argument);

        int pipe2(@Out int[] ends, int flags);

        int poll(@In @Out byte[] descriptors, long count, int millis);

        int posix_spawn_file_actions_init(@Out byte[] actions);

        int posix_spawn_file_actions_adddup2(@In @Out byte[] actions, int from, int to);

        /// glibc 2.34
        int posix_spawn_file_actions_addclosefrom_np(@In @Out byte[] actions, int from);

        int posix_spawn_file_actions_destroy(@In @Out byte[] actions);

        int posix_spawn(
                @Out int[] pid,
                @In byte[] path,
                @In byte[] actions,
                @In byte @Nullable [] attributes,
                @In Pointer arguments,
                @In Pointer environment);

        int execv(@In byte[] path, @In Pointer arguments);

        int setenv(@In byte[] name, @In byte[] value, int overwrite);

        /// Answers a pointer to the locale, or 0.
        long newlocale(int categories, @In byte[] name, long base);

        int link(@In byte[] existing, @In byte[] made);

        int umask(int mask);

        int waitpid(int pid, @Out int[] status, int options);

        int kill(int pid, int signal);

        /// statx
        long syscall(
                long number,
                long folder,
                @In byte[] path,
                long flags,
                long mask,
                @Out byte[] statx);

        /// renameat2, move_mount
        long syscall(
                long number,
                long fromFolder,
                @In byte[] from,
                long toFolder,
                @In byte[] to,
                long flags);

        /// mknodat, and open_tree without the last argument
        long syscall(long number, long folder, @In byte[] path, long modeOrFlags, long device);

        /// fsopen
        long syscall(long number, @In byte[] type, long flags);

        /// fspick
        long syscall(long number, long folder, @In byte[] path, long flags);

        /// fsconfig
        long syscall(
                long number,
                long context,
                long command,
                @In byte @Nullable [] key,
                @In byte @Nullable [] value,
                long auxiliary);

        /// fsmount: context, flags, attributes; pidfd_open: pid, flags
        long syscall(long number, long first, long second, long third);
    }
}
