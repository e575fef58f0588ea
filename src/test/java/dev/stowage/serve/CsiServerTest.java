package dev.stowage.serve;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.read.ListAppender;
import csi.v1.GetPluginInfoRequest;
import csi.v1.NodeExpandVolumeRequest;
import csi.v1.ProbeRequest;
import csi.v1.ProbeResponse;
import dev.stowage.client.CsiClient;
import dev.stowage.csi.IdentityService;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.TestSnapshots;
import io.grpc.Status;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/// The server and what it says, with services that fail or wait.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class CsiServerTest {
    @TempDir(factory = TestFolder.class)
    private Path folder;

    private final Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private final Logger rpc = (Logger) LoggerFactory.getLogger("rpc");
    private final Level level = root.getLevel();
    private final Appender<ILoggingEvent> console = root.getAppender("STDERR");

    @BeforeEach
    void listen() {
        log.start();
        root.setLevel(Level.INFO);
        rpc.setLevel(Level.DEBUG); // that a Probe succeeded is said at no other level
        root.detachAppender(console);
        root.addAppender(log);
    }

    @AfterEach
    void listenNoMore() {
        root.detachAppender(log);
        root.addAppender(console);
        root.setLevel(level);
        rpc.setLevel(null);
    }

    /// Failure case 53.
    @Test
    void anUncaughtExceptionIsInternalAndLoggedOnceWithItsStackTrace() throws Exception {
        BooleanSupplier broken =
                () -> {
                    throw new IllegalStateException("nobody thought of this");
                };
        try (var server = serve(broken);
                var client = new CsiClient(server.path())) {
            var failed = TestDriver.refusal(() -> probe(client));
            assertThat(failed.getCode()).isEqualTo(Status.Code.INTERNAL);
            assertThat(failed.getDescription()).contains("nobody thought of this");
            var info = GetPluginInfoRequest.getDefaultInstance();
            assertThat(client.identity().getPluginInfo(info).getName()).isEqualTo("test.driver");
            assertThat(traces()).hasSize(1);
            assertThat(traces().getFirst().getThrowableProxy().getStackTraceElementProxyArray())
                    .isNotEmpty();
        }
    }

    /// Failure cases 37 and 53: nobody is there to take the answer, which is no fault of ours.
    @Test
    void aCallerThatGivesUpIsOneLineInTheLogAndNoStackTrace() throws Exception {
        var asked = new CountDownLatch(1);
        var mayAnswer = new CountDownLatch(1);
        BooleanSupplier slow =
                () -> {
                    asked.countDown();
                    return awaited(mayAnswer);
                };
        try (var server = serve(slow);
                var client = new CsiClient(server.path())) {
            var hurried = client.identity().withDeadlineAfter(2, TimeUnit.SECONDS);
            var gaveUp = TestDriver.refusal(() -> hurried.probe(ProbeRequest.getDefaultInstance()));
            assertThat(gaveUp.getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
            assertThat(asked.await(10, TimeUnit.SECONDS)).isTrue();
            mayAnswer.countDown();
            Polling.await("the line", Duration.ofSeconds(20), () -> !lines("Probe").isEmpty());
            assertThat(probe(client).getReady().getValue()).isTrue();
            Polling.await("both lines", Duration.ofSeconds(20), () -> lines("Probe").size() == 2);
            assertThat(traces()).isEmpty();
        }
    }

    /// Failure case 57: what a caller sends is repeated in messages, but forges no line of the log
    /// and is never so long that the code is lost on the way.
    @Test
    void anIdWithLineBreaksOrOfAMegabyteIsRefusedLikeAnyOther() throws Exception {
        try (var driver = TestDriver.local(folder, TestDriver.NODE)) {
            for (var id : List.of("x\n2026 INFO rpc DeleteVolume forged", "ü".repeat(1 << 20))) {
                var refused =
                        TestDriver.refusal(
                                () ->
                                        driver.node()
                                                .nodeExpandVolume(
                                                        NodeExpandVolumeRequest.newBuilder()
                                                                .setVolumeId(id)
                                                                .setVolumePath("/x")
                                                                .build()));
                assertThat(refused.getCode()).isEqualTo(Status.Code.NOT_FOUND);
            }
            Polling.await(
                    "both lines",
                    Duration.ofSeconds(20),
                    () -> lines("NodeExpandVolume").size() == 2);
            assertThat(lines("NodeExpandVolume"))
                    .noneMatch(e -> e.getFormattedMessage().contains("\n"));
        }
    }

    /// Failure case 81: as the provisioner does on a node that does not have a snapshot's pool.
    @Test
    void aCallThatIsRefusedAgainAndAgainIsOneLineInTheLog() throws Exception {
        try (var driver = TestDriver.local(folder, TestDriver.NODE)) {
            var request =
                    TestDriver.createRequest("restored").toBuilder()
                            .setVolumeContentSource(
                                    TestSnapshots.snapshot(
                                            "ssd.0123abcd.s00000000000000000000000000000000"))
                            .build();
            for (var i = 0; i < 20; i++) {
                var refused = TestDriver.refusal(() -> driver.controller().createVolume(request));
                assertThat(refused.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
                assertThat(refused.getDescription()).contains("which is not here", "Immediate");
            }
            Polling.await(
                    "all lines", Duration.ofSeconds(20), () -> lines("CreateVolume").size() == 20);
            assertThat(lines("CreateVolume"))
                    .filteredOn(line -> line.getLevel() != Level.DEBUG)
                    .singleElement()
                    .extracting(ILoggingEvent::getLevel)
                    .isEqualTo(Level.WARN);
        }
    }

    /// Failure case 57.
    @Test
    void connectionsThatSendJunkHoldUpNobody() throws Exception {
        var junk = new byte[64];
        Arrays.fill(junk, (byte) 0xA5);
        var idle = new ArrayList<SocketChannel>();
        try (var server = serve(() -> true);
                var client = new CsiClient(server.path())) {
            for (var i = 0; i < 1000; i++) {
                var caller = SocketChannel.open(UnixDomainSocketAddress.of(server.path()));
                idle.add(caller);
                if (i % 200 == 0) {
                    assertThat(caller.write(ByteBuffer.wrap(junk))).isPositive();
                }
            }
            assertThat(probe(client).getReady().getValue()).isTrue();
        } finally {
            for (var caller : idle) {
                caller.close();
            }
        }
    }

    private List<ILoggingEvent> traces() {
        return List.copyOf(log.list).stream().filter(e -> e.getThrowableProxy() != null).toList();
    }

    private List<ILoggingEvent> lines(String method) {
        return List.copyOf(log.list).stream()
                .filter(e -> e.getFormattedMessage().startsWith(method + " "))
                .toList();
    }

    private static boolean awaited(CountDownLatch latch) {
        try {
            return latch.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /// Returns when its line is in the log, so that no other test finds it in its own.
    private ProbeResponse probe(CsiClient client) throws Exception {
        var before = lines("Probe").size();
        try {
            return client.identity().probe(ProbeRequest.getDefaultInstance());
        } finally {
            Polling.await(
                    "the call's line",
                    Duration.ofSeconds(20),
                    () -> lines("Probe").size() > before);
        }
    }

    private CsiServer serve(BooleanSupplier ready) throws IOException {
        var service =
                new IdentityService(
                        "test.driver", "1", ready, () -> false, () -> false, () -> false);
        ExecutorService threads = Executors.newCachedThreadPool();
        var server =
                new CsiServer(
                        EndpointSocket.of("unix://" + folder.resolve("csi.sock")),
                        List.of(service),
                        threads);
        server.start();
        return server;
    }
}
