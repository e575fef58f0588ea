package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Objects;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class HelpTest {
    private record Said(int exitCode, String out, String err) {}

    @ParameterizedTest
    @ValueSource(strings = {"help", "--help", "help volume", "volume --help"})
    void helpListsEachCommandWithALineAboutIt(String line) {
        var asked = Main.commandLine();
        if (line.contains("volume")) {
            asked = command("volume");
        }
        var said = stowage(line.split(" "));
        assertThat(said.exitCode()).isZero();
        assertThat(asked.getSubcommands()).hasSizeGreaterThanOrEqualTo(2);
        asked.getSubcommands()
                .forEach(
                        (name, command) -> {
                            var described = description(command);
                            var beginning =
                                    described.substring(0, Math.min(described.length(), 30));
                            assertThat(said.out())
                                    .containsPattern(
                                            "(?m)^  " + name + " +" + Pattern.quote(beginning));
                        });
    }

    /// And so does every option of every command.
    @Test
    void everyCommandExplainsItselfAndItsOptions() {
        for (var name : Main.commandLine().getSubcommands().keySet()) {
            var said = stowage("help", name);
            var command = command(name);
            assertThat(said.exitCode()).as(name).isZero();
            assertThat(said.out()).contains("Usage: stowage " + name);
            for (var option : command.getCommandSpec().options()) {
                assertThat(option.description()).as(name + " " + option.longestName()).isNotEmpty();
                assertThat(said.out()).contains(option.longestName());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "serv|stowage serve|stowage --help",
                "volume imprt|volume import|stowage volume --help"
            })
    void anUnknownCommandIsAnsweredWithTheNearestAndHowToGetHelp(String asked) {
        var parts = asked.split("\\|");
        var words = parts[0].split(" ");

        var said = stowage(words);

        assertThat(said.exitCode()).isEqualTo(2);
        assertThat(said.out()).isEmpty();
        assertThat(said.err())
                .contains("'" + words[words.length - 1] + "'")
                .contains("Did you mean: " + parts[1])
                .contains("'" + parts[2] + "'");
    }

    @Test
    void aCommandLikeNoOtherIsAnsweredWithAllOfThem() {
        var said = stowage("frobnicate");
        assertThat(said.exitCode()).isEqualTo(2);
        assertThat(said.err()).contains("'frobnicate'").contains("Commands:").contains("  serve ");
    }

    private static CommandLine command(String name) {
        return Objects.requireNonNull(Main.commandLine().getSubcommands().get(name));
    }

    /// What a list of commands says of it.
    private static String description(CommandLine command) {
        var usage = command.getCommandSpec().usageMessage();
        var lines = usage.header().length > 0 ? usage.header() : usage.description();
        var text = String.join(" ", lines);
        assertThat(text).as(command.getCommandName()).hasSizeGreaterThan(10);
        return text;
    }

    private static Said stowage(String... arguments) {
        var out = new StringWriter();
        var err = new StringWriter();
        var code =
                Main.commandLine()
                        .setOut(new PrintWriter(out, true))
                        .setErr(new PrintWriter(err, true))
                        .execute(arguments);
        return new Said(code, out.toString(), err.toString());
    }
}
