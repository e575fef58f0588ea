package dev.stowage.node.limit;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.stowage.node.Staging;
import dev.stowage.node.TestVolume;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.Fault;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.LimitKey;
import dev.stowage.volume.Limits;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/// What can be seen of limits without a kernel that enforces them; that it does is shown in a
/// guest.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class LimitingTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    @Test
    void aVolumeWhoseLimitsCanNotBeAppliedWorksAndTheLogSaysItOnce() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4);
                var log = new Log()) {
            test.limit(Map.of(LimitKey.READ_IOPS, 100L));
            var limiting = test.limiting();
            var staging = new Staging(test.node, test.connectors(), _ -> test, limiting);
            var request = test.stageRequest(test.mounted(), AccessMode.SINGLE_NODE_WRITER, false);
            staging.stage(request);
            staging.stage(request);
            assertThat(test.mounts()).hasSize(1);
            assertThat(limiting.apply(test.volume))
                    .hasValueSatisfying(
                            why ->
                                    assertThat(why)
                                            .contains("readIops=100", "not applied", "cgroup"));
            assertThat(log.warnings())
                    .singleElement()
                    .satisfies(
                            said ->
                                    assertThat(said)
                                            .contains(test.id().toString(), "readIops=100"));
            assertThat(limiting.notApplied())
                    .hasEntrySatisfying(
                            test.id(), why -> assertThat(why).contains("readIops=100", "cgroup"));
            staging.unstage(test.id().toString(), test.stagingPath());
            assertThat(limiting.notApplied()).isEmpty();
            assertThat(test.loops()).isEmpty();
        }
    }

    @Test
    void theHealthOfAVolumeInUseSaysThatItsLimitsAreNotApplied() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.limit(Map.of(LimitKey.WRITE_IOPS, 100L));
            var limiting = test.limiting();
            var check = new LimitsCheck(test.connectors(), limiting, _ -> Optional.of(test.volume));
            assertThat(check.conditions(test.id())).as("not in use here").isEmpty();
            test.stage();
            assertThat(check.conditions(test.id()))
                    .singleElement()
                    .satisfies(
                            condition -> {
                                assertThat(condition.fault()).isEqualTo(Fault.LIMITS_NOT_APPLIED);
                                assertThat(condition.message())
                                        .contains(test.id().toString(), "writeIops=100", "cgroup");
                            });
            assertThat(limiting.notApplied()).containsOnlyKeys(test.id());
            test.limit(Map.of());
            assertThat(check.conditions(test.id())).isEmpty();
            assertThat(limiting.notApplied()).isEmpty();
            test.unstage();
        }
    }

    @Test
    void aVolumeWithoutLimitsHasNothingToComplainOf() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4);
                var log = new Log()) {
            test.stage();
            assertThat(test.limiting().apply(test.volume)).isEmpty();
            test.unstage();
            assertThat(log.warnings()).isEmpty();
        }
    }

    @Test
    void onlyTheVolumesOfThePoolThatAreConnectedHereAreLookedAt() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            var looked = new ArrayList<VolumeId>();
            var uuid = UUID.fromString(test.id().poolTag() + "-0000-0000-0000-000000000000");
            var pool = new PoolId(test.id().pool(), uuid);
            var other = new PoolId(test.id().pool(), new UUID(1, 1));
            Limiting.Records records =
                    id -> {
                        looked.add(id);
                        return Optional.of(test.volume);
                    };
            test.limiting().renew(pool, records);
            assertThat(looked).isEmpty();
            test.stage();
            test.limiting().renew(other, records);
            assertThat(looked).isEmpty();
            test.limiting().renew(pool, records);
            assertThat(looked).containsExactly(test.id());
            test.unstage();
        }
    }

    @Test
    void aLineOfIoMaxIsReadAndWrittenAsTheKernelHasIt() throws IOException {
        var limits =
                new Limits(
                        OptionalLong.of(100),
                        OptionalLong.empty(),
                        OptionalLong.empty(),
                        OptionalLong.of(1 << 20));
        var line = IoMax.line("7:1", limits);
        assertThat(line).isEqualTo("7:1 rbps=max wbps=1048576 riops=100 wiops=max\n");
        var file =
                Files.writeString(
                        folder.resolve("io.max"),
                        "7:10 rbps=5 wbps=max riops=max wiops=max\n" + line);
        assertThat(new IoMax(file).limits("7:1")).isEqualTo(limits);
        assertThat(new IoMax(file).limits("7:10").readBytesPerSecond()).hasValue(5);
        assertThat(new IoMax(file).limits("7:2")).isEqualTo(Limits.NONE);
    }

    @ParameterizedTest
    @CsvSource({
        "kubepods.slice/kubepods-burstable.slice, kubepods.slice",
        "kubepods/burstable/pod1, kubepods",
        "kubelet/kubepods/besteffort, kubelet/kubepods",
        "kubelet.slice/kubelet-kubepods.slice/x, kubelet.slice/kubelet-kubepods.slice",
        "system.slice/kubepodsish.slice, ''",
    })
    void theGroupOfAllPodsIsFoundByTheKubeletsNames(String layout, String group)
            throws IOException {
        Files.createDirectories(folder.resolve("init.scope"));
        Files.createDirectories(folder.resolve(layout));
        assertThat(PodsGroup.below(folder))
                .isEqualTo(group.isEmpty() ? Optional.empty() : Optional.of(folder.resolve(group)));
    }

    /// What the log says of limits while this is open.
    private static final class Log implements AutoCloseable {
        private final Logger logger = (Logger) LoggerFactory.getLogger(Limiting.class);
        private final ListAppender<ILoggingEvent> events = new ListAppender<>();

        Log() {
            events.start();
            logger.setLevel(Level.WARN);
            logger.addAppender(events);
        }

        List<String> warnings() {
            return events.list.stream()
                    .filter(event -> event.getLevel() == Level.WARN)
                    .map(ILoggingEvent::getFormattedMessage)
                    .toList();
        }

        @Override
        public void close() {
            logger.setLevel(null);
            logger.detachAppender(events);
        }
    }
}
