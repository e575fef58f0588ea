package dev.stowage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The launcher at the top of the repository, run in a folder of its own where `java` and `mvn` are
/// scripts of the test.
class LauncherTest {
    private static final String JAVA = "#!/bin/sh\necho \"java $*\"\n";

    @TempDir Path folder;
    private Path launcher = Path.of("stowage");

    private record Result(int code, String out, String err) {}

    @BeforeEach
    void install() throws IOException {
        launcher = Files.copy(Path.of("stowage"), folder.resolve("stowage"));
    }

    private Path script(String name, String text) throws IOException {
        var file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
        assertThat(file.toFile().setExecutable(true)).isTrue();
        return file;
    }

    private Path jdk(String version) throws IOException {
        script("jdk/bin/java", JAVA);
        script("jdk/bin/javac", "");
        Files.writeString(
                folder.resolve("jdk/release"), "JAVA_VERSION=\"%s\"\n".formatted(version));
        return folder.resolve("jdk");
    }

    private void checkout() throws IOException {
        Files.createDirectories(folder.resolve("src/main"));
        Files.createDirectories(folder.resolve("proto"));
        Files.writeString(folder.resolve("pom.xml"), "");
    }

    private Result run(Map<String, String> environment) throws Exception {
        var out = folder.resolve("out");
        var err = folder.resolve("err");
        var builder = new ProcessBuilder("sh", launcher.toString(), "serve", "--role", "node");
        builder.environment().putAll(environment);
        builder.redirectOutput(out.toFile()).redirectError(err.toFile());
        var code = builder.start().waitFor();
        return new Result(code, Files.readString(out, UTF_8), Files.readString(err, UTF_8));
    }

    private Map<String, String> environment() throws IOException {
        return Map.of(
                "STOWAGE_JAVA_HOME",
                jdk("25.0.1").toString(),
                "PATH",
                folder.resolve("bin") + ":" + System.getenv("PATH"));
    }

    @Test
    void anInstalledJarIsRunWithTheFlagsAndTheArguments() throws Exception {
        Files.createFile(folder.resolve("stowage.jar"));

        var result = run(environment());

        assertThat(result.code()).isZero();
        assertThat(result.out())
                .startsWith("java --enable-native-access=ALL-UNNAMED ")
                .contains(" -XX:+ExitOnOutOfMemoryError ") // failure case 53
                .doesNotContain("HeapDump") // a heap has secrets in it: failure case 54
                .endsWith("-jar " + folder.resolve("stowage.jar") + " serve --role node\n");
    }

    /// Failure case 72.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | C.UTF-8",
                "LANG=C | C.UTF-8",
                "LC_ALL=POSIX LANG=de_DE.UTF-8 | C.UTF-8",
                "LC_CTYPE=de_DE.ISO-8859-1 LANG=de_DE.UTF-8 | C.UTF-8",
                "LANG=de_DE.UTF-8 | unset",
                "LC_CTYPE=en_US.utf8 LANG=C | unset",
                "LC_ALL=C.UTF-8 LANG=C | C.UTF-8",
            })
    void javaIsRunInAUtf8Locale(String variables, String expected) throws Exception {
        Files.createFile(folder.resolve("stowage.jar"));
        var environment = environment();
        script("jdk/bin/java", "#!/bin/sh\necho ${LC_ALL-unset}\n");
        launcher =
                script(
                        "start",
                        "unset LC_ALL LC_CTYPE LANG\nexec env %s sh %s \"$@\"\n"
                                .formatted(variables, launcher));

        assertThat(run(environment).out()).isEqualTo(expected + "\n");
    }

    @Test
    void anImagesOwnJavaAndItsAotCacheAreTaken() throws Exception {
        Files.createFile(folder.resolve("stowage.jar"));
        Files.createFile(folder.resolve("stowage.aot"));
        Files.move(jdk("25.0.1"), folder.resolve("java"));

        var result = run(Map.of());

        assertThat(result.out())
                .startsWith("java --enable-native-access=ALL-UNNAMED ")
                .contains(" -XX:AOTCache=%s ".formatted(folder.resolve("stowage.aot")));
    }

    /// The kernel ends a PID namespace with its first process.
    @Test
    @RequiresRoot
    void aContainerOutlivesItsKilledDriverUntilAllIsThawed() throws Exception {
        var result =
                runAsFirstProcess(
                        """
                        #!/bin/sh
                        (sleep 0.3; echo thawed) &
                        kill -KILL $$
                        """);

        assertThat(result.out()).isEqualTo("thawed\n");
        assertThat(result.code()).isEqualTo(128 + 9);
    }

    @Test
    @RequiresRoot
    void aContainerHandsItsSignalAndItsInputToTheDriver() throws Exception {
        var result =
                runAsFirstProcess(
                        """
                        #!/bin/sh
                        trap 'echo ended; exit 3' TERM
                        cat
                        kill -TERM 1
                        while :; do sleep 0.1; done
                        """);

        assertThat(result.out()).isEqualTo("input\nended\n");
        assertThat(result.code()).isEqualTo(3);
    }

    private Result runAsFirstProcess(String java) throws Exception {
        Files.createFile(folder.resolve("stowage.jar"));
        var home = jdk("25.0.1");
        script("jdk/bin/java", java);
        var input = Files.writeString(folder.resolve("input"), "input\n");
        var out = folder.resolve("out");
        var err = folder.resolve("err");
        var builder =
                new ProcessBuilder(
                        "unshare", "--pid", "--fork", "--mount-proc", "sh", launcher.toString());
        builder.environment().put("STOWAGE_JAVA_HOME", home.toString());
        builder.redirectInput(input.toFile());
        builder.redirectOutput(out.toFile()).redirectError(err.toFile());
        var code = builder.start().waitFor();
        return new Result(code, Files.readString(out, UTF_8), Files.readString(err, UTF_8));
    }

    @Test
    void anotherJavaIsRefusedInOneSentence() throws Exception {
        var result = run(Map.of("STOWAGE_JAVA_HOME", jdk("21.0.4").toString()));

        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).contains("is not a JDK 25").hasLineCount(1);
    }

    /// In a mount namespace in which the places for a JDK are empty.
    @Test
    @RequiresRoot
    void aMachineWithoutJdk25IsToldWhatToDo() throws Exception {
        var hidden =
                "for d in /usr/lib/jvm /usr/java /usr/local /opt; do [ ! -d $d ] || mount -t tmpfs tmpfs $d; done; exec sh \"$@\"";
        var err = folder.resolve("err");
        var builder =
                new ProcessBuilder(
                        "unshare", "--mount", "sh", "-c", hidden, "sh", launcher.toString());
        builder.environment().clear();
        builder.environment().put("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(err.toFile());

        assertThat(builder.start().waitFor()).isEqualTo(1);

        assertThat(err)
                .content()
                .startsWith("stowage: no JDK 25 found: install one")
                .hasLineCount(1);
    }

    @Test
    void aMissingJarIsToldOf() throws Exception {
        var result = run(environment());

        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).contains("there is no stowage.jar").hasLineCount(1);
    }

    @Test
    void aCheckoutIsBuiltOnceAndAgainWhenASourceChanges() throws Exception {
        checkout();
        script(
                "bin/mvn",
                "#!/bin/sh\necho built >>builds\nmkdir -p target/lib\n: >target/stowage.jar\n");

        assertThat(run(environment()).code()).isZero();
        assertThat(run(environment()).out()).contains("-jar " + folder.resolve("target"));
        assertThat(folder.resolve("builds")).hasContent("built");

        var source = Files.createFile(folder.resolve("src/main/New.java"));
        Files.setLastModifiedTime(
                source,
                java.nio.file.attribute.FileTime.fromMillis(System.currentTimeMillis() + 10_000));
        assertThat(run(environment()).code()).isZero();
        assertThat(folder.resolve("builds")).hasContent("built\nbuilt");
    }

    /// The jar's entries keep the modes of the compiled files.
    @Test
    void aBuildGivesTheSameJarWhateverTheCallersUmask() throws Exception {
        checkout();
        script("bin/mvn", "#!/bin/sh\numask >umask\nmkdir -p target/lib\n: >target/stowage.jar\n");
        launcher = script("strict", "umask 077\nexec sh %s \"$@\"\n".formatted(launcher));

        assertThat(run(environment()).code()).isZero();

        assertThat(folder.resolve("umask")).hasContent("0022");
    }

    @Test
    void aFailedBuildShowsItsOutputAndIsTriedAgain() throws Exception {
        checkout();
        script(
                "bin/mvn",
                "#!/bin/sh\necho what went wrong\nmkdir -p target/lib\n: >target/stowage.jar\nexit 1\n");

        for (var i = 0; i < 2; i++) {
            var result = run(environment());
            assertThat(result.code()).isEqualTo(1);
            assertThat(result.err()).contains("what went wrong", "the build failed");
        }
    }
}
