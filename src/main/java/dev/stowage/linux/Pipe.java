package dev.stowage.linux;

/// Both ends of a pipe, neither of which a program gets that is started by the way.
record Pipe(Fd reading, Fd writing) {
    static Pipe make() throws ErrnoException {
        var ends = new int[2];
        Syscall.once(
                "pipe2", "a program's standard stream", LibC.LIBC.pipe2(ends, OpenFlags.O_CLOEXEC));
        return new Pipe(Fd.of(ends[0], "a pipe"), Fd.of(ends[1], "a pipe"));
    }
}
