package dev.stowage.csi;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.NodeGetStorageHealthRequest;
import csi.v1.NodeGetStorageHealthResponse;
import csi.v1.NodeGetVolumeHealthRequest;
import csi.v1.NodeGetVolumeHealthResponse;
import csi.v1.VolumeHealth;
import dev.stowage.pools.Health;
import dev.stowage.pools.Pool;
import dev.stowage.pools.PoolDefaults;
import dev.stowage.pools.PoolState;
import dev.stowage.pools.Pools;
import dev.stowage.spi.Backend;
import dev.stowage.spi.MemoryBackend;
import dev.stowage.spi.PoolSource;
import dev.stowage.spi.VolumeCheck;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HealthCallsTest {
    private static final PoolId POOL = new PoolId("ssd", UUID.randomUUID());
    private static final VolumeId ID = VolumeId.of(POOL, "v");
    private static final NodeGetVolumeHealthRequest REQUEST =
            NodeGetVolumeHealthRequest.newBuilder().setVolumeId(ID.toString()).build();

    private final MemoryBackend backend = new MemoryBackend(POOL, false, 1L << 30);
    private final Pools pools =
            new Pools(
                    List.of(
                            new Pool(
                                    "ssd",
                                    new PoolDefaults(FileSystemType.EXT4, Provisioning.THICK),
                                    new Found(backend))),
                    Optional.empty());
    private final Operations operations =
            new Operations(_ -> Optional.empty(), Duration.ofMillis(50));

    private record Found(Backend backend) implements PoolSource {
        @Override
        public Optional<String> knownTag() {
            return Optional.of(POOL.tag());
        }

        @Override
        public Backend open() {
            return backend;
        }
    }

    @BeforeEach
    void begin() {
        var _ =
                backend.create(
                        ID,
                        new VolumeSpec(
                                "v",
                                CapacityRange.atLeast(1 << 20),
                                Optional.empty(),
                                List.of(),
                                Provisioning.THICK,
                                VolumeSpec.DEFAULT_BLOCK_SIZE));
    }

    @AfterEach
    void end() {
        operations.close();
        pools.close();
    }

    /// Failure case 21.
    @Test
    void aVolumeThatHangsIsAbortedAndCostsOneThread() throws Exception {
        var looking = new CountDownLatch(1);
        var thawed = new CountDownLatch(1);
        var looks = new AtomicInteger();
        VolumeCheck hanging =
                _ -> {
                    looks.incrementAndGet();
                    looking.countDown();
                    try {
                        thawed.await();
                    } catch (InterruptedException e) {
                        throw new IOException(e);
                    }
                    return List.of();
                };
        var calls = calls(List.of(), hanging);
        try (var worker = Executors.newSingleThreadExecutor()) {
            worker.execute(() -> calls.ofVolumeHere(REQUEST, new Answer<>()));
            looking.await();
            var answer = new Answer<NodeGetVolumeHealthResponse>();
            calls.ofVolumeHere(REQUEST, answer);
            assertThat(answer.code()).isEqualTo(Status.Code.ABORTED);
            thawed.countDown();
        }
        assertThat(looks).hasValue(1);
    }

    @Test
    void whereThePoolDoesNotAnswerNobodyLooksAtWhatLiesOnIt() {
        var silence = new Condition(Fault.POOL_NOT_ANSWERING, "pool ssd has not answered for 9 s");
        var looks = new AtomicInteger();
        VolumeCheck check =
                _ -> {
                    looks.incrementAndGet();
                    return List.of();
                };
        assertThat(reasons(ask(calls(List.of(silence), check))))
                .containsExactly("PoolNotAnswering");
        assertThat(looks).hasValue(0);
    }

    @Test
    void whatCanNotBeLookedAtHidesNothingElse() {
        VolumeCheck failing =
                _ -> {
                    throw new IOException("it is broken");
                };
        VolumeCheck finding =
                _ -> List.of(new Condition(Fault.FILE_SYSTEM_READ_ONLY, "it takes no writes"));
        assertThat(reasons(ask(calls(List.of(), failing, finding))))
                .containsExactly("FileSystemReadOnly");
        assertThat(ask(calls(List.of(), failing)).code()).isEqualTo(Status.Code.INTERNAL);
    }

    /// CSI allows one entry for each reason.
    @Test
    void theSameReasonTwiceIsOneEntryWithBothMessages() {
        VolumeCheck first = _ -> List.of(new Condition(Fault.DEVICE_UNREADABLE, "loop1"));
        VolumeCheck second = _ -> List.of(new Condition(Fault.DEVICE_UNREADABLE, "loop2"));
        assertThat(ask(calls(List.of(), first, second)).reply().getVolumeHealth())
                .satisfies(
                        health ->
                                assertThat(health.getHealthStatusesList())
                                        .singleElement()
                                        .extracting(VolumeHealth.VolumeHealthEntry::getMessage)
                                        .isEqualTo("loop1; loop2"));
        var full = new Condition(Fault.POOL_FULL, "ssd is full");
        var answer = new Answer<NodeGetStorageHealthResponse>();
        calls(List.of(full, full))
                .ofPools(NodeGetStorageHealthRequest.getDefaultInstance(), answer);
        assertThat(answer.reply().getBackendHealthList()).hasSize(1);
    }

    private HealthCalls calls(List<Condition> ofPool, VolumeCheck... checks) {
        var health = new Health(pools, _ -> List.of(PoolState.present("ssd", ofPool)));
        return new HealthCalls(health, List.of(checks), operations);
    }

    private static Answer<NodeGetVolumeHealthResponse> ask(HealthCalls calls) {
        var answer = new Answer<NodeGetVolumeHealthResponse>();
        calls.ofVolumeHere(REQUEST, answer);
        return answer;
    }

    private static List<String> reasons(Answer<NodeGetVolumeHealthResponse> answer) {
        return answer.reply().getVolumeHealth().getHealthStatusesList().stream()
                .map(VolumeHealth.VolumeHealthEntry::getReason)
                .toList();
    }

    private static final class Answer<T> implements StreamObserver<T> {
        private final List<T> replies = new ArrayList<>();
        private Optional<Throwable> error = Optional.empty();

        T reply() {
            return replies.getFirst();
        }

        Status.Code code() {
            return ((StatusException) error.orElseThrow()).getStatus().getCode();
        }

        @Override
        public void onNext(T reply) {
            replies.add(reply);
        }

        @Override
        public void onError(Throwable failure) {
            error = Optional.of(failure);
        }

        @Override
        public void onCompleted() {}
    }
}
