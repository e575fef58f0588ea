package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// A locale whose charset is UTF-8. For Java a path is text in the charset of the locale, which it
/// asks for once, when it starts: in the locale C it has no paths but those in ASCII, and arguments
/// have lost their other characters before the program sees them. The kernel and CSI have no
/// locale: a path there is bytes, and text in UTF-8.
public final class Utf8Locale {
    private static final String VARIABLE = "LC_ALL";

    /// The first is in glibc from 2.35 on, and in Debian always.
    private static final List<String> NAMES = List.of("C.UTF-8", "en_US.UTF-8");

    /// locale.h
    private static final int LC_CTYPE_MASK = 1;

    /// linux/close_range.h, Linux 5.11
    private static final long CLOSE_RANGE_CLOEXEC = 4;

    /// Those below are the standard streams.
    private static final int FIRST_OTHER = 3;

    private Utf8Locale() {}

    /// Whether this process has one.
    public static boolean isUsed() {
        return System.getProperty("sun.jnu.encoding", "").equalsIgnoreCase("UTF-8");
    }

    /// Starts this program anew in such a locale, with the arguments that it was started with, as
    /// this same process (execv(3)). Returns only where the machine has no such locale.
    public static void restartProgram() throws IOException {
        var locale = available();
        if (locale.isEmpty() || locale.get().equals(System.getenv(VARIABLE))) {
            return;
        }
        var set = LIBC.setenv(Syscall.cString(VARIABLE), Syscall.cString(locale.get()), 1);
        Syscall.once("setenv", VARIABLE, set);
        var program = Files.readSymbolicLink(Path.of("/proc/self/exe"));
        var arguments =
                new StringArray(arguments(Files.readAllBytes(Path.of("/proc/self/cmdline"))));
        closeFilesAtExec();
        Syscall.once("execv", program, LIBC.execv(Syscall.cString(program), arguments.pointer()));
        Reference.reachabilityFence(arguments);
    }

    /// The JVM's jars are not close-on-exec. It needs them should execv fail.
    private static void closeFilesAtExec() throws ErrnoException {
        var result =
                LIBC.syscall(
                        SystemCalls.CLOSE_RANGE, FIRST_OTHER, 0xffff_ffffL, CLOSE_RANGE_CLOEXEC);
        Syscall.once("close_range", "all files", result);
    }

    private static Optional<String> available() {
        return NAMES.stream()
                .filter(name -> LIBC.newlocale(LC_CTYPE_MASK, Syscall.cString(name), 0) != 0)
                .findFirst();
    }

    /// Each with the NUL that ends it (proc_pid_cmdline(5)).
    private static List<byte[]> arguments(byte[] commandLine) {
        var arguments = new ArrayList<byte[]>();
        var start = 0;
        for (var i = 0; i < commandLine.length; i++) {
            if (commandLine[i] == 0) {
                arguments.add(Arrays.copyOfRange(commandLine, start, i + 1));
                start = i + 1;
            }
        }
        return arguments;
    }
}
