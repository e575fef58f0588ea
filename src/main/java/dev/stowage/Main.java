package dev.stowage;

import dev.stowage.bench.Bench;
import dev.stowage.cli.TemporaryFolder;
import dev.stowage.cli.VolumeCommand;
import dev.stowage.config.ConfigException;
import dev.stowage.demo.Demo;
import dev.stowage.linux.Utf8Locale;
import dev.stowage.serve.Serve;
import dev.stowage.serve.Version;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.function.IntSupplier;
import org.slf4j.bridge.SLF4JBridgeHandler;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// The command line.
@Command(
        name = "stowage",
        description = "A CSI driver for Kubernetes: volumes on the disks and servers that you own.",
        synopsisSubcommandLabel = "COMMAND",
        versionProvider = Main.ProgramVersion.class,
        mixinStandardHelpOptions = true,
        subcommands = {
            Serve.class,
            VolumeCommand.class,
            Demo.class,
            Bench.class,
            HelpCommand.class
        })
public final class Main {
    private Main() {}

    static final class ProgramVersion implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"stowage " + Version.text()};
        }
    }

    public static void main(String[] arguments) {
        SLF4JBridgeHandler.removeHandlersForRootLogger();
        SLF4JBridgeHandler.install();
        TemporaryFolder.useAlone();
        System.exit(explaining(() -> start(arguments)));
    }

    private static int start(String[] arguments) {
        if (!Utf8Locale.isUsed()) {
            restartInUtf8();
        }
        return commandLine().execute(arguments);
    }

    /// Returns only where that can't be: most paths are in ASCII and work all the same.
    private static void restartInUtf8() {
        var why = "this machine has none: install one, such as the package locales";
        try {
            Utf8Locale.restartProgram();
        } catch (IOException e) {
            why = "setting one failed: " + e.getMessage();
        }
        System.err.println(
                "stowage: only paths in ASCII can be used: others take a locale with UTF-8 (LC_ALL=C.UTF-8), and "
                        + why);
    }

    /// Where native code can't be loaded, the folder that it is loaded from is to blame most often.
    private static int explaining(IntSupplier program) {
        try {
            return program.getAsInt();
        } catch (LinkageError e) {
            var complaint = TemporaryFolder.complaint();
            if (complaint.isEmpty()) {
                throw e;
            }
            System.err.println("stowage: " + complaint.get());
            return ExitCode.SOFTWARE;
        }
    }

    public static CommandLine commandLine() {
        var commandLine =
                new CommandLine(new Main())
                        .setCaseInsensitiveEnumValuesAllowed(true)
                        .setExecutionExceptionHandler(Main::report);
        var explanation = commandLine.getParameterExceptionHandler();
        return commandLine.setParameterExceptionHandler(
                (e, arguments) -> {
                    var code = explanation.handleParseException(e, arguments);
                    sayHowToGetHelp(e);
                    return code;
                });
    }

    /// Where picocli names the nearest word, it leaves out the usage.
    private static void sayHowToGetHelp(ParameterException e) {
        if (e instanceof UnmatchedArgumentException unmatched
                && !unmatched.getSuggestions().isEmpty()) {
            var command = e.getCommandLine();
            command.getErr()
                    .printf(
                            "'%s --help' explains what there is.%n",
                            command.getCommandSpec().qualifiedName());
        }
    }

    private static boolean isExplained(Exception e) {
        return e instanceof ConfigException
                || e instanceof VolumeException
                || e instanceof IOException;
    }

    /// A person gets one sentence; the stack trace is for bugs.
    private static int report(Exception e, CommandLine command, CommandLine.ParseResult parsed) {
        command.getErr().println("stowage: " + e.getMessage());
        if (!isExplained(e)) {
            e.printStackTrace(command.getErr());
        }
        return command.getCommandSpec().exitCodeOnExecutionException();
    }
}
