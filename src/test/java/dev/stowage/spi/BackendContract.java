package dev.stowage.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.testing.AtOnce;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Content;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.LimitKey;
import dev.stowage.volume.LimitSettings;
import dev.stowage.volume.ListedVolume;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What [Backend] promises, in runnable form. Every backend extends it and gives each test an open
/// pool of its own with at least 64 MiB unreserved.
public abstract class BackendContract {
    protected static final long MIB = 1L << 20;
    private static final int THREADS = 8;
    private static final NodeId N1 = new NodeId("n1");
    private static final NodeId N2 = new NodeId("n2");
    private static final LimitSettings LIMITS =
            new LimitSettings(
                    Map.of(LimitKey.IOPS_PER_GIB, 100L, LimitKey.MAX_IOPS, 5000L),
                    Map.of(LimitKey.READ_BYTES_PER_SECOND, 10 * MIB));

    protected abstract Backend backend() throws Exception;

    /// Another driver's view of the same pool; by default the same one.
    protected Backend anotherDriver() throws Exception {
        return backend();
    }

    protected static VolumeSpec spec(String name, long bytes, Provisioning provisioning) {
        return new VolumeSpec(
                name,
                CapacityRange.atLeast(bytes),
                Optional.empty(),
                List.of(),
                provisioning,
                VolumeSpec.DEFAULT_BLOCK_SIZE);
    }

    protected static VolumeSpec thick(String name, long bytes) {
        return spec(name, bytes, Provisioning.THICK);
    }

    protected static VolumeId id(Backend backend, String name) {
        return VolumeId.of(backend.pool(), name);
    }

    protected static Volume make(Backend backend, String name, long bytes) throws IOException {
        return backend.create(id(backend, name), thick(name, bytes));
    }

    protected static void assertRefused(Reason reason, ThrowingCallable call) {
        var refusal = catchThrowableOfType(VolumeException.class, call);
        assertThat(refusal).as("refused with " + reason).isNotNull();
        assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
    }

    protected static void announce(Backend backend, NodeId... nodes) throws IOException {
        if (backend instanceof KnownNodes known) {
            for (var node : nodes) {
                known.announce(node, 250);
            }
        }
    }

    private Volume attachable(Backend backend) throws Exception {
        announce(backend, N1, N2);
        return make(backend, "attachable", MIB);
    }

    @Test
    void aCreatedVolumeIsFoundAsItWasGranted() throws Exception {
        var backend = backend();
        var spec =
                new VolumeSpec(
                        "a name",
                        CapacityRange.atLeast(16 * MIB),
                        Optional.of(FileSystemType.EXT4),
                        List.of("-i", "8192"),
                        Provisioning.THIN,
                        4096,
                        new Content.Blank(),
                        LIMITS);
        var made = backend.create(id(backend, "a name"), spec);
        assertThat(made.differenceFrom(spec)).isEmpty();
        assertThat(made.capacityBytes()).isEqualTo(16 * MIB);
        assertThat(made.blockSizeBytes()).isEqualTo(4096);
        assertThat(backend.find(made.id())).contains(made);
    }

    @Test
    @DisplayName("35: the same create again gives the same volume, whatever it asks for")
    void aCreateOfAnExistingIdGivesTheExistingVolume() throws Exception {
        var backend = backend();
        var made = make(backend, "v", MIB);
        assertThat(make(backend, "v", MIB)).isEqualTo(made);
        assertThat(make(backend, "v", 2 * MIB)).isEqualTo(made);
        assertThat(backend.list(Optional.empty(), 10)).hasSize(1);
    }

    @Test
    @DisplayName("35: parallel creates of one name make one volume")
    void parallelCreatesOfOneNameMakeOneVolume() throws Exception {
        var first = backend();
        var second = anotherDriver();
        var outcomes = AtOnce.of(THREADS, i -> make(i % 2 == 0 ? first : second, "v", MIB));
        assertThat(AtOnce.refusals(outcomes)).isEmpty();
        assertThat(new HashSet<>(AtOnce.winners(outcomes))).hasSize(1);
        assertThat(first.list(Optional.empty(), 10)).hasSize(1);
    }

    @Test
    @DisplayName("41: names that differ in any way make different volumes")
    void strangeNamesMakeDistinctVolumes() throws Exception {
        var backend = backend();
        var names =
                List.of(
                        "a",
                        "A",
                        "../a",
                        "/a",
                        ".a",
                        "a/../a",
                        "ä",
                        "a\u0308",
                        "..",
                        "x".repeat(128));
        for (var name : names) {
            assertThat(make(backend, name, 512).name()).isEqualTo(name);
        }
        assertThat(backend.list(Optional.empty(), 100)).hasSize(names.size());
    }

    @Test
    void aDeletedVolumeIsGoneAndItsIdIsFree() throws Exception {
        var backend = backend();
        var made = make(backend, "v", MIB);
        backend.delete(made.id());
        assertThat(backend.find(made.id())).isEmpty();
        assertThat(backend.list(Optional.empty(), 10)).isEmpty();
        backend.delete(made.id());
        assertThat(make(backend, "v", 2 * MIB).capacityBytes()).isEqualTo(2 * MIB);
    }

    @Test
    void deletingInParallelIsDeletingOnce() throws Exception {
        var first = backend();
        var second = anotherDriver();
        var made = make(first, "v", MIB);
        var outcomes =
                AtOnce.of(
                        THREADS,
                        i -> {
                            (i % 2 == 0 ? first : second).delete(made.id());
                            return i;
                        });
        assertThat(AtOnce.refusals(outcomes)).isEmpty();
        assertThat(first.find(made.id())).isEmpty();
    }

    @Test
    @DisplayName("39: a held volume is not deleted")
    void aHeldVolumeIsNotDeleted() throws Exception {
        var backend = backend();
        var made = attachable(backend);
        backend.attach(made.id(), N1, AccessMode.SINGLE_NODE_WRITER, false);
        assertRefused(Reason.FAILED_PRECONDITION, () -> backend.delete(made.id()));
        assertThat(backend.find(made.id())).contains(made);
        backend.detach(made.id(), N1);
        backend.delete(made.id());
        assertThat(backend.find(made.id())).isEmpty();
    }

    @Test
    @DisplayName("31, 42: more than is unreserved in the pool is refused")
    void whatDoesNotFitIsRefused() throws Exception {
        var backend = backend();
        var total = backend.capacity(Provisioning.THICK).totalBytes();
        assertRefused(Reason.NO_SPACE, () -> make(backend, "huge", total + MIB));
        assertThat(backend.find(id(backend, "huge"))).isEmpty();
        assertThat(backend.list(Optional.empty(), 10)).isEmpty();
    }

    @Test
    void theLargestVolumeThatIsToldCanBeMade() throws Exception {
        var backend = backend();
        var largest = backend.capacity(Provisioning.THIN).largestVolumeBytes();
        var made =
                backend.create(id(backend, "largest"), spec("largest", largest, Provisioning.THIN));
        assertThat(made.capacityBytes()).isEqualTo(largest);
    }

    @Test
    void aVolumeCountsAgainstTheCapacity() throws Exception {
        var backend = backend();
        var before = backend.capacity(Provisioning.THICK).availableBytes();
        make(backend, "v", 8 * MIB);
        assertThat(backend.capacity(Provisioning.THICK).availableBytes())
                .isLessThanOrEqualTo(before - 8 * MIB);
    }

    @Test
    @DisplayName("46: pages are in order of ids and hold every volume once")
    void pagesHoldEveryVolumeOnce() throws Exception {
        var backend = backend();
        for (var i = 0; i < 25; i++) {
            make(backend, "v" + i, 512);
        }
        for (var limit : List.of(1, 7, 25, 100)) {
            var ids = ids(backend, limit);
            assertThat(ids).hasSize(25).doesNotHaveDuplicates().isSorted();
        }
    }

    private static List<VolumeId> ids(Backend backend, int limit) throws IOException {
        var ids = new ArrayList<VolumeId>();
        Optional<VolumeId> after = Optional.empty();
        while (true) {
            var page = backend.list(after, limit);
            assertThat(page).hasSizeLessThanOrEqualTo(limit);
            if (page.isEmpty()) {
                return ids;
            }
            page.forEach(listed -> ids.add(listed.volume().id()));
            after = Optional.of(ids.getLast());
        }
    }

    @Test
    @DisplayName("46: a volume that is there throughout is listed once while others come and go")
    void aListIsStableWhileVolumesComeAndGo() throws Exception {
        var backend = backend();
        for (var i = 0; i < 10; i++) {
            make(backend, "v" + i, 512);
        }
        var sorted = ids(backend, 100);
        var page = backend.list(Optional.empty(), 5);
        backend.delete(sorted.get(4)); // the cursor itself
        backend.delete(sorted.get(6));
        make(backend, "new", 512);
        var rest = backend.list(Optional.of(page.getLast().volume().id()), 100);
        assertThat(rest)
                .extracting(listed -> listed.volume().id())
                .contains(sorted.get(5))
                .containsAll(sorted.subList(7, 10))
                .doesNotContain(sorted.get(6))
                .doesNotContainAnyElementsOf(sorted.subList(0, 5));
    }

    @Test
    @DisplayName("46: whether more follow is known without reading it")
    void whetherMoreVolumesFollowIsTold() throws Exception {
        var backend = backend();
        make(backend, "a", 512);
        make(backend, "b", 512);
        var sorted = ids(backend, 100);
        assertThat(backend.hasMore(sorted.getFirst())).isTrue();
        assertThat(backend.hasMore(sorted.getLast())).isFalse();
        backend.delete(sorted.getFirst());
        assertThat(backend.hasMore(sorted.getFirst())).isTrue();
        backend.delete(sorted.getLast());
        assertThat(backend.hasMore(sorted.getFirst())).isFalse();
    }

    @Test
    @DisplayName("46: a list names the holders")
    void aListNamesTheHolders() throws Exception {
        var backend = backend();
        var made = attachable(backend);
        backend.attach(made.id(), N2, AccessMode.MULTI_NODE_READER_ONLY, true);
        backend.attach(made.id(), N1, AccessMode.MULTI_NODE_READER_ONLY, true);
        assertThat(backend.list(Optional.empty(), 10))
                .containsExactly(new ListedVolume(made, List.of(N1, N2)));
        assertThat(backend.publishedNodes(made.id())).containsExactly(N1, N2);
    }

    @Test
    @DisplayName("30: a volume grows, and never shrinks")
    void aVolumeGrowsAndNeverShrinks() throws Exception {
        var backend = backend();
        var made = make(backend, "v", 2 * MIB);
        assertThat(backend.expand(made.id(), CapacityRange.atLeast(MIB))).isEqualTo(made);
        var grown = backend.expand(made.id(), CapacityRange.atLeast(8 * MIB));
        assertThat(grown).isEqualTo(made.withCapacity(8 * MIB));
        assertThat(backend.find(made.id())).contains(grown);
        assertThat(backend.expand(made.id(), CapacityRange.atLeast(8 * MIB))).isEqualTo(grown);
    }

    @Test
    void aVolumeThatCannotGrowStaysAsItIs() throws Exception {
        var backend = backend();
        var made = make(backend, "v", 2 * MIB);
        var total = backend.capacity(Provisioning.THICK).totalBytes();
        assertRefused(
                Reason.NO_SPACE,
                () -> backend.expand(made.id(), CapacityRange.atLeast(total + MIB)));
        assertThat(backend.find(made.id())).contains(made);
        assertRefused(
                Reason.NOT_FOUND,
                () -> backend.expand(id(backend, "other"), CapacityRange.atLeast(MIB)));
    }

    @Test
    @DisplayName("48: attaching again for the same use gives the same attachment")
    void attachingAgainIsTheSame() throws Exception {
        var backend = backend();
        var made = attachable(backend);
        var first = backend.attach(made.id(), N1, AccessMode.SINGLE_NODE_WRITER, false);
        assertThat(first.volume()).isEqualTo(made.id());
        assertThat(first.readOnly()).isFalse();
        assertThat(backend.attach(made.id(), N1, AccessMode.SINGLE_NODE_MULTI_WRITER, false))
                .isEqualTo(first);
        assertThat(backend.publishedNodes(made.id())).containsExactly(N1);
    }

    @Test
    @DisplayName("48: another use by the same node is ALREADY_EXISTS")
    void anotherUseByTheSameNodeIsRefused() throws Exception {
        var backend = backend();
        var made = attachable(backend);
        backend.attach(made.id(), N1, AccessMode.SINGLE_NODE_WRITER, false);
        assertRefused(
                Reason.ALREADY_EXISTS,
                () -> backend.attach(made.id(), N1, AccessMode.SINGLE_NODE_WRITER, true));
        assertRefused(
                Reason.ALREADY_EXISTS,
                () -> backend.attach(made.id(), N1, AccessMode.SINGLE_NODE_SINGLE_WRITER, false));
    }

    @Test
    @DisplayName("48: a second node is refused, naming the holder")
    void aSecondNodeIsRefusedNamingTheHolder() throws Exception {
        var backend = backend();
        var made = attachable(backend);
        for (var mode : singleNodeModes()) {
            backend.attach(made.id(), N1, mode, false);
            for (var other : backend.accessModes()) {
                var refusal =
                        catchThrowableOfType(
                                VolumeException.class,
                                () -> backend.attach(made.id(), N2, other, false));
                assertThat(refusal).isNotNull();
                assertThat(refusal.reason()).isEqualTo(Reason.FAILED_PRECONDITION);
                assertThat(refusal).hasMessageContaining("n1");
            }
            backend.detach(made.id(), N1);
        }
        backend.attach(made.id(), N2, AccessMode.SINGLE_NODE_WRITER, false);
        assertThat(backend.publishedNodes(made.id())).containsExactly(N2);
    }

    @Test
    void aNodeGetsNoMoreVolumesThanItTakes() throws Exception {
        var backend = backend();
        assumeTrue(backend instanceof KnownNodes);
        var nodes = (KnownNodes) backend;
        nodes.announce(N1, 2);
        nodes.announce(N2, 2);
        var mode = AccessMode.SINGLE_NODE_WRITER;
        var one = make(backend, "one", MIB).id();
        var two = make(backend, "two", MIB).id();
        var three = make(backend, "three", MIB).id();
        backend.attach(one, N1, mode, false);
        backend.attach(two, N1, mode, false);
        assertRefused(Reason.NO_SPACE, () -> backend.attach(three, N1, mode, false));
        assertThat(backend.publishedNodes(three)).isEmpty();
        backend.attach(two, N1, mode, false); // which it has
        backend.detach(one, N1);
        backend.attach(three, N1, mode, false);
        backend.attach(one, N2, mode, false);
        assertRefused(
                Reason.NO_SPACE,
                () -> backend.attach(make(backend, "x", MIB).id(), N1, mode, false));
    }

    /// A node whose limit was lowered keeps what it has.
    @Test
    void theLastLimitThatANodeAnnouncedCounts() throws Exception {
        var backend = backend();
        assumeTrue(backend instanceof KnownNodes);
        var nodes = (KnownNodes) backend;
        var mode = AccessMode.SINGLE_NODE_WRITER;
        nodes.announce(N1, 2);
        var one = make(backend, "one", MIB).id();
        var two = make(backend, "two", MIB).id();
        var three = make(backend, "three", MIB).id();
        backend.attach(one, N1, mode, false);
        backend.attach(two, N1, mode, false);
        nodes.announce(N1, 1);
        backend.attach(one, N1, mode, false);
        assertRefused(Reason.NO_SPACE, () -> backend.attach(three, N1, mode, false));
        nodes.announce(N1, 3);
        backend.attach(three, N1, mode, false);
    }

    private static List<AccessMode> singleNodeModes() {
        return List.of(
                AccessMode.SINGLE_NODE_WRITER,
                AccessMode.SINGLE_NODE_READER_ONLY,
                AccessMode.SINGLE_NODE_SINGLE_WRITER,
                AccessMode.SINGLE_NODE_MULTI_WRITER);
    }

    @Test
    void readersOfSeveralNodesHoldItTogetherAndNobodyElse() throws Exception {
        var backend = backend();
        var made = attachable(backend);
        assumeTrue(backend.accessModes().contains(AccessMode.MULTI_NODE_READER_ONLY));
        var mode = AccessMode.MULTI_NODE_READER_ONLY;
        assertThat(backend.attach(made.id(), N1, mode, false).readOnly()).isTrue();
        backend.attach(made.id(), N2, mode, false);
        announce(backend, new NodeId("n3"));
        assertRefused(
                Reason.FAILED_PRECONDITION,
                () ->
                        backend.attach(
                                made.id(), new NodeId("n3"), AccessMode.SINGLE_NODE_WRITER, false));
        backend.detach(made.id(), N1);
        backend.detach(made.id(), N2);
        backend.attach(made.id(), new NodeId("n3"), AccessMode.SINGLE_NODE_WRITER, false);
    }

    @Test
    @DisplayName("49: attaching what or where nobody knows is NOT_FOUND, detaching it is done")
    void unknownVolumesAndNodesAreNotFound() throws Exception {
        var backend = backend();
        var made = attachable(backend);
        var mode = AccessMode.SINGLE_NODE_WRITER;
        var nobody = new NodeId("nobody");
        assertRefused(Reason.NOT_FOUND, () -> backend.attach(id(backend, "none"), N1, mode, false));
        if (backend instanceof KnownNodes) {
            assertRefused(Reason.NOT_FOUND, () -> backend.attach(made.id(), nobody, mode, false));
        }
        backend.detach(made.id(), nobody);
        backend.detach(made.id(), N1);
        backend.detach(id(backend, "none"), N1);
        assertThat(backend.publishedNodes(id(backend, "none"))).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(AccessMode.class)
    @DisplayName("50: a mode that is not served is INVALID, one that is served is granted")
    void onlyServedModesAreGranted(AccessMode mode) throws Exception {
        var backend = backend();
        var made = attachable(backend);
        if (backend.accessModes().contains(mode)) {
            assertThat(backend.attach(made.id(), N1, mode, false).readOnly())
                    .isEqualTo(mode.readOnly());
        } else {
            assertRefused(Reason.INVALID, () -> backend.attach(made.id(), N1, mode, false));
        }
    }

    @Test
    @DisplayName("34: of nodes that attach at the same instant exactly one gets the volume")
    void ofNodesThatAttachAtOnceExactlyOneWins() throws Exception {
        var first = backend();
        var second = anotherDriver();
        var nodes = new ArrayList<NodeId>();
        for (var i = 0; i < THREADS; i++) {
            nodes.add(new NodeId("racer" + i));
        }
        announce(first, nodes.toArray(NodeId[]::new));
        for (var round = 0; round < 10; round++) {
            var made = make(first, "round" + round, 512);
            var outcomes =
                    AtOnce.of(
                            THREADS,
                            i -> {
                                var driver = i % 2 == 0 ? first : second;
                                driver.attach(
                                        made.id(),
                                        nodes.get(i),
                                        AccessMode.SINGLE_NODE_WRITER,
                                        false);
                                return nodes.get(i);
                            });
            assertThat(AtOnce.winners(outcomes)).hasSize(1);
            assertThat(AtOnce.refusals(outcomes)).containsOnly(Reason.FAILED_PRECONDITION);
            assertThat(first.publishedNodes(made.id())).isEqualTo(AtOnce.winners(outcomes));
        }
    }

    @Test
    @DisplayName("34: however attaches and detaches mix, there are never two holders")
    void neverTwoHoldersWhateverMixes() throws Exception {
        var first = backend();
        var second = anotherDriver();
        var made = make(first, "v", 512);
        var holding = new AtomicInteger();
        var outcomes =
                AtOnce.of(
                        THREADS,
                        i -> {
                            var driver = i % 2 == 0 ? first : second;
                            var node = new NodeId("racer" + i);
                            announce(driver, node);
                            for (var round = 0; round < 20; round++) {
                                attachBriefly(driver, made.id(), node, holding);
                            }
                            return i;
                        });
        assertThat(AtOnce.refusals(outcomes)).isEmpty();
        assertThat(first.publishedNodes(made.id())).isEmpty();
        announce(first, N1);
        first.attach(made.id(), N1, AccessMode.SINGLE_NODE_WRITER, false);
    }

    private static void attachBriefly(
            Backend driver, VolumeId id, NodeId node, AtomicInteger holding) throws IOException {
        try {
            driver.attach(id, node, AccessMode.SINGLE_NODE_WRITER, false);
        } catch (VolumeException e) {
            assertThat(e.reason()).isIn(Reason.FAILED_PRECONDITION, Reason.BUSY);
            return;
        }
        assertThat(holding.incrementAndGet()).isEqualTo(1);
        holding.decrementAndGet();
        driver.detach(id, node);
    }

    @Test
    @DisplayName("34: readers and a writer at the same instant never hold it together")
    void readersAndAWriterNeverHoldItTogether() throws Exception {
        var first = backend();
        var second = anotherDriver();
        for (var i = 0; i < THREADS; i++) {
            announce(first, new NodeId("racer" + i));
        }
        for (var round = 0; round < 10; round++) {
            var made = make(first, "round" + round, 512);
            var outcomes =
                    AtOnce.of(
                            THREADS,
                            i -> {
                                var mode =
                                        i < 2
                                                ? AccessMode.SINGLE_NODE_WRITER
                                                : AccessMode.MULTI_NODE_READER_ONLY;
                                (i % 2 == 0 ? first : second)
                                        .attach(made.id(), new NodeId("racer" + i), mode, false);
                                return i;
                            });
            var winners = AtOnce.winners(outcomes);
            assertThat(winners).isNotEmpty();
            var writers = winners.stream().filter(i -> i < 2).toList();
            assertThat(writers.isEmpty() || winners.size() == 1).as("%s", winners).isTrue();
            assertThat(first.publishedNodes(made.id()))
                    .isEqualTo(
                            winners.stream()
                                    .map(i -> new NodeId("racer" + i))
                                    .sorted(Comparator.comparing(NodeId::value))
                                    .toList());
        }
    }

    @Test
    void theFormatLedgerRemembers() throws Exception {
        var backend = backend();
        var made = make(backend, "v", MIB);
        if (!(backend instanceof FormatLedger ledger)) {
            return;
        }
        assertThat(ledger.formatState(made.id())).isEqualTo(new FormatState.Blank());
        var states =
                List.of(
                        new FormatState.Formatting(FileSystemType.XFS),
                        new FormatState.Formatted(FileSystemType.XFS),
                        new FormatState.Adopted(),
                        new FormatState.Blank());
        for (var state : states) {
            ledger.recordFormat(made.id(), state);
            assertThat(ledger.formatState(made.id())).isEqualTo(state);
        }
        var none = id(backend, "none");
        assertRefused(Reason.NOT_FOUND, () -> ledger.formatState(none));
        assertRefused(Reason.NOT_FOUND, () -> ledger.recordFormat(none, new FormatState.Adopted()));
    }

    @Test
    void aWellPoolHasNoSickness() throws Exception {
        assertThat(backend().sickness()).isEmpty();
    }

    private static VolumeSpec limited(String name) {
        return new VolumeSpec(
                name,
                CapacityRange.atLeast(MIB),
                Optional.empty(),
                List.of(),
                Provisioning.THICK,
                VolumeSpec.DEFAULT_BLOCK_SIZE,
                new Content.Blank(),
                LIMITS);
    }

    private static Modifiable modifiable(Backend backend) {
        assumeTrue(backend instanceof Modifiable, "volumes of this backend can't be changed");
        return (Modifiable) backend;
    }

    @Test
    void aChangeOfLimitsReplacesWhatCanChangeAndNothingElse() throws Exception {
        var backend = backend();
        var modifiable = modifiable(backend);
        var made = backend.create(id(backend, "limited"), limited("limited"));
        var wanted = Map.of(LimitKey.WRITE_IOPS, 7L, LimitKey.READ_IOPS, LimitSettings.UNLIMITED);
        var changed = modifiable.modify(made.id(), wanted);
        assertThat(changed).isEqualTo(made.withLimits(new LimitSettings(LIMITS.fixed(), wanted)));
        assertThat(anotherDriver().find(made.id())).contains(changed);
        assertThat(modifiable.modify(made.id(), wanted)).isEqualTo(changed);
        assertThat(modifiable.modify(made.id(), Map.of()).limits().mutable()).isEmpty();
        assertThat(backend.find(made.id()).orElseThrow().limits().fixed())
                .isEqualTo(LIMITS.fixed());
    }

    @Test
    void limitsSurviveGrowthAndUse() throws Exception {
        var backend = backend();
        announce(backend, N1);
        var made = backend.create(id(backend, "limited"), limited("limited"));
        var _ = backend.attach(made.id(), N1, AccessMode.SINGLE_NODE_WRITER, false);
        var wanted = Map.of(LimitKey.WRITE_IOPS, 7L);
        var changed = modifiable(backend).modify(made.id(), wanted);
        assertThat(backend.expand(made.id(), CapacityRange.atLeast(2 * MIB)))
                .isEqualTo(changed.withCapacity(2 * MIB));
        assertThat(backend.find(made.id())).contains(changed.withCapacity(2 * MIB));
    }

    @Test
    void aVolumeThatIsNotThereIsNotChanged() throws Exception {
        var backend = backend();
        var modifiable = modifiable(backend);
        assertRefused(Reason.NOT_FOUND, () -> modifiable.modify(id(backend, "missing"), Map.of()));
    }
}
