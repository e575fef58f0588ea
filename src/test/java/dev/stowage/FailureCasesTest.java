package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Holds docs/failure-cases.md to the tests that it names, and the tests to its numbers.
class FailureCasesTest {
    private static final Path PAGE = Path.of("docs", "failure-cases.md");
    private static final Pattern HEADING = Pattern.compile("### (\\d+)\\. .+");
    private static final Pattern NAMED = Pattern.compile("`(e2e/)?(\\w+)#(\\w+)`");
    private static final Pattern REFERENCE =
            Pattern.compile(
                    "(?:[Ff]ailure cases? |@DisplayName\\(\\s*\")(\\d+(?:(?:,| and| to) \\d+)*)");
    private static final String UNTESTED = "No test yet";

    private static final Map<Integer, String> CASES = new LinkedHashMap<>();

    /// The sources of tests by the name of their class, those below e2e with `e2e/` before it.
    private static final Map<String, String> SOURCES = new LinkedHashMap<>();

    @BeforeAll
    static void read() throws IOException {
        var number = 0;
        for (var line : Files.readAllLines(PAGE)) {
            var heading = HEADING.matcher(line);
            if (heading.matches()) {
                number = Integer.parseInt(heading.group(1));
                assertThat(CASES.put(number, "")).as("a second case %d", number).isNull();
            } else if (line.startsWith("#")) {
                number = 0;
            } else {
                CASES.computeIfPresent(number, (_, text) -> text + line + "\n");
            }
        }
        collect(Path.of("src", "test", "java"), "");
        collect(Path.of("e2e", "src", "test", "java"), "e2e/");
    }

    private static void collect(Path root, String prefix) throws IOException {
        try (var files = Files.walk(root)) {
            for (var file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                var name = prefix + file.getFileName().toString().replace(".java", "");
                var same = SOURCES.put(name, Files.readString(file));
                assertThat(same == null || name.endsWith("package-info")).as(name).isTrue();
            }
        }
    }

    @Test
    void theNumbersHaveNoGap() {
        assertThat(CASES.keySet())
                .hasSizeGreaterThanOrEqualTo(63)
                .containsExactlyElementsOf(IntStream.rangeClosed(1, CASES.size()).boxed().toList());
    }

    @Test
    void everyCaseNamesATestOrSaysThatThereIsNone() {
        var silent =
                CASES.entrySet().stream()
                        .filter(one -> !NAMED.matcher(one.getValue()).find())
                        .filter(one -> !one.getValue().contains(UNTESTED))
                        .map(Map.Entry::getKey);

        assertThat(silent).isEmpty();
    }

    @Test
    void everyTestThatIsNamedExists() {
        var named = CASES.values().stream().flatMap(text -> NAMED.matcher(text).results()).toList();
        var missing =
                named.stream()
                        .filter(test -> !exists(test.group(1), test.group(2), test.group(3)))
                        .map(test -> test.group());

        assertThat(named).hasSizeGreaterThan(100);
        assertThat(missing).isEmpty();
    }

    private static boolean exists(String prefix, String type, String method) {
        var source = SOURCES.getOrDefault((prefix == null ? "" : prefix) + type, "");
        var declared = Pattern.compile("@(?:Parameterized)?Test\\b|@Property\\b").split(source, -1);
        return Stream.of(declared).skip(1).anyMatch(test -> declares(test, method));
    }

    /// Whether the first method of the text has the name.
    private static boolean declares(String text, String method) {
        var first = Pattern.compile("\\bvoid (\\w+)\\(").matcher(text);
        return first.find() && first.group(1).equals(method);
    }

    /// Comments speak of "failure case 36", display names begin with "36: ": there must be one.
    @Test
    void everyCaseThatTheSourcesSpeakOfIsOnThePage() throws IOException {
        var spokenOf = new TreeSet<Integer>();
        for (var root : List.of("src", "e2e/src", "docs/decisions")) {
            try (var files = Files.walk(Path.of(root))) {
                for (var file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                    if (file.toString().matches(".*\\.(java|md)")) {
                        REFERENCE
                                .matcher(Files.readString(file))
                                .results()
                                .flatMap(found -> Stream.of(found.group(1).split("\\D+")))
                                .map(Integer::valueOf)
                                .forEach(spokenOf::add);
                    }
                }
            }
        }

        assertThat(spokenOf).hasSizeGreaterThan(30);
        assertThat(CASES.keySet()).containsAll(spokenOf);
    }
}
