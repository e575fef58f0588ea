/// The native POSIX bridge: every number from a kernel header lives here, and nothing else does.
///
/// - [dev.stowage.linux.Fd] is an open descriptor, [dev.stowage.linux.Linux] the calls that take a
///   path;
/// - [dev.stowage.linux.Mounts], [dev.stowage.linux.LoopDevices] and
///   [dev.stowage.linux.FileSystemGrowth] are what a shell would do with `mount`, `losetup` and
///   `resize2fs`, as system calls;
/// - [dev.stowage.linux.MountTable] is what `findmnt` shows, read from mountinfo;
/// - [dev.stowage.linux.Command] runs the few programs that have no system call (mkfs, fsck).
///
/// A call that the kernel refuses throws [dev.stowage.linux.ErrnoException] with the call's name,
/// what it was about and the errno. EINTR is retried where a second try cannot do a thing twice;
/// every descriptor is close-on-exec. Calls through jnr pin a virtual thread to its carrier, so
/// callers run on platform threads.
///
/// Works on x86-64 and arm64; what differs between the two is in [dev.stowage.linux.OpenFlags] and
/// `SystemCalls`.
@NullMarked
package dev.stowage.linux;

import org.jspecify.annotations.NullMarked;
