package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;

import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;

/// Starts a program by posix_spawn(3).
final class Spawn {
    /// sizeof(posix_spawn_file_actions_t) is 80 on x86-64 and arm64 (spawn.h).
    private static final int FILE_ACTIONS_BYTES = 128;

    /// Those below are the standard streams.
    private static final int FIRST_OTHER = 3;

    private Spawn() {}

    /// Answers its process id.
    ///
    /// @param program its path; `argv` begins with its name
    /// @param descriptors what it has as 0, 1, 2 and so on; it has no others
    static int start(
            String program, List<String> argv, List<String> environment, List<Fd> descriptors)
            throws ErrnoException {
        var moved = new ArrayList<Fd>();
        try {
            for (var other : descriptors.subList(FIRST_OTHER, descriptors.size())) {
                moved.add(other.duplicate(descriptors.size())); // clear of the numbers they get
            }
            var sources = new ArrayList<>(descriptors.subList(0, FIRST_OTHER));
            sources.addAll(moved);
            return spawn(program, argv, environment, sources);
        } finally {
            moved.forEach(Fd::close);
        }
    }

    private static int spawn(
            String program, List<String> argv, List<String> environment, List<Fd> descriptors)
            throws ErrnoException {
        var actions = new byte[FILE_ACTIONS_BYTES];
        require(program, LIBC.posix_spawn_file_actions_init(actions));
        try {
            for (var i = 0; i < descriptors.size(); i++) {
                var source = descriptors.get(i).number();
                require(program, LIBC.posix_spawn_file_actions_adddup2(actions, source, i));
            }
            require(
                    program,
                    LIBC.posix_spawn_file_actions_addclosefrom_np(actions, descriptors.size()));
            var arguments = StringArray.of(argv);
            var variables = StringArray.of(environment);
            var pid = new int[1];
            require(
                    program,
                    LIBC.posix_spawn(
                            pid,
                            Syscall.cString(program),
                            actions,
                            null,
                            arguments.pointer(),
                            variables.pointer()));
            Reference.reachabilityFence(arguments);
            Reference.reachabilityFence(variables);
            return pid[0];
        } finally {
            LIBC.posix_spawn_file_actions_destroy(actions);
        }
    }

    /// These functions return their errno (posix_spawn(3)).
    private static void require(String program, int errno) throws ErrnoException {
        if (errno != 0) {
            throw new ErrnoException("posix_spawn", program, errno, "");
        }
    }
}
