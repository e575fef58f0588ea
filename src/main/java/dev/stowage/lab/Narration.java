package dev.stowage.lab;

import dev.stowage.volume.IoSupplier;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.Function;
import picocli.CommandLine.Help.Ansi;

/// Steps as lines: what, with what result, in which time. In colour only on a terminal.
public final class Narration {
    private static final int RESULT_WIDTH = 68;

    private final PrintWriter out;
    private final Ansi ansi = Ansi.AUTO;

    public Narration(PrintWriter out) {
        this.out = out;
    }

    /// One thing that is done, and the sentence about what came of it.
    public interface Step {
        String take() throws IOException;
    }

    public void title(String text) {
        out.println(ansi.text("@|bold " + text + "|@"));
    }

    public void say(String text) {
        out.println(text);
        out.flush();
    }

    public void good(String text) {
        say(ansi.text("@|green " + text + "|@").toString());
    }

    public void bad(String text) {
        say(ansi.text("@|red " + text + "|@").toString());
    }

    /// @throws IOException naming the step, if it failed
    public void step(String what, Step step) throws IOException {
        var _ = step(what, step::take, text -> text);
    }

    /// @param told the sentence about what the work gave
    public <T> T step(String what, IoSupplier<T> work, Function<T, String> told)
            throws IOException {
        var started = System.nanoTime();
        T result;
        try {
            result = work.get();
        } catch (StatusRuntimeException e) {
            throw new IOException("%s failed: %s".formatted(what, reason(e)), e);
        }
        var millis = (System.nanoTime() - started) / 1e6;
        say(
                "%s%s%s"
                        .formatted(
                                ansi.text("@|cyan " + "%-10s".formatted(what) + "|@"),
                                ("%-" + RESULT_WIDTH + "s").formatted(told.apply(result)),
                                ansi.text(
                                        "@|faint "
                                                + String.format(Locale.ROOT, "%9.1f ms", millis)
                                                + "|@")));
        return result;
    }

    public static String reason(StatusRuntimeException e) {
        var description = e.getStatus().getDescription();
        return description == null ? e.getStatus().getCode().toString() : description;
    }
}
