package dev.stowage.backend.file;

import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.linux.Linux;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.LimitKey;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Records that are damaged, or that a later version wrote; and what the sums make of volumes.
@ExtendWith(NothingLeftBehind.class)
final class RecordsTest {
    private static final long MIB = 1L << 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private TestPool pool;

    @SuppressWarnings("NullAway.Init")
    private FileBackend backend;

    @BeforeEach
    void open() throws Exception {
        pool = TestPool.in(folder);
        backend = pool.open();
    }

    @AfterEach
    void close() throws Exception {
        pool.close();
    }

    private Volume make(String name) throws IOException {
        return backend.create(VolumeId.of(backend.pool(), name), Specs.thick(name, MIB));
    }

    private VolumeFolder folderOf(Volume volume) {
        return pool.folder().volume(volume.id());
    }

    private static void assertRefused(Reason reason, String words, ThrowingCallable call) {
        var refusal = catchThrowableOfType(VolumeException.class, call);
        assertThat(refusal).as("refused with " + reason).isNotNull();
        assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
        assertThat(refusal).hasMessageContaining(words);
    }

    @Test
    void aVolumeWithoutLimitsHasNoFieldForThemAndOneWithThemSaysThemPlainly() throws Exception {
        var volume = make("v");
        var record = folderOf(volume).record();
        assertThat(JSON.readTree(record.toFile()).fieldNames())
                .toIterable()
                .doesNotContain("limits", "mutableLimits");
        var _ = backend.modify(volume.id(), Map.of(LimitKey.READ_IOPS, 100L));
        assertThat(JSON.readTree(record.toFile()).get("mutableLimits").toString())
                .isEqualTo("{\"readIops\":100}");
    }

    @Test
    void aLimitOfALaterVersionIsPassedOver() throws Exception {
        var volume = make("v");
        edit(
                folderOf(volume).record(),
                fields -> fields.putObject("limits").put("latencyMillis", 5).put("readIops", 9));
        assertThat(backend.find(volume.id()).orElseThrow().limits().fixed())
                .containsExactly(Map.entry(LimitKey.READ_IOPS, 9L));
        var grown = backend.expand(volume.id(), CapacityRange.atLeast(2 * MIB));
        assertThat(JSON.readTree(folderOf(grown).record().toFile()).get("limits").toString())
                .contains("\"latencyMillis\":5");
    }

    @Test
    void aLimitThatIsNoneIsDamage() throws Exception {
        var volume = make("v");
        edit(folderOf(volume).record(), fields -> fields.putObject("limits").put("readIops", -1));
        assertRefused(Reason.DAMAGED, "readIops is -1", () -> backend.find(volume.id()));
    }

    private interface Edit {
        void apply(ObjectNode fields);
    }

    private static void edit(Path file, Edit edit) throws IOException {
        var fields = (ObjectNode) JSON.readTree(file.toFile());
        edit.apply(fields);
        Files.write(file, JSON.writeValueAsBytes(fields));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "{\"version\":1",
                "[]",
                "7",
                "hello",
                "{} {}",
                "{\"version\":1,\"version\":1}",
                "{\"version\":\"1\"}",
                "{\"version\":1,\"compatible\":[],\"incompatible\":[],\"id\":7}",
                "\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"
            })
    @DisplayName("38: a volume with a record that is none is kept and refused, all others work")
    void aDamagedRecordIsKeptAndAllOthersWork(String content) throws Exception {
        var torn = make("torn");
        var well = make("well");
        Files.writeString(folderOf(torn).record(), content);
        backend = pool.reopen();
        backend.announce(TestPool.NODE, 250);
        var record = folderOf(torn).record().toString();
        assertRefused(Reason.DAMAGED, record, () -> backend.find(torn.id()));
        assertRefused(Reason.DAMAGED, record, () -> backend.delete(torn.id()));
        assertRefused(Reason.DAMAGED, record, () -> make("torn"));
        assertRefused(
                Reason.DAMAGED,
                record,
                () -> backend.expand(torn.id(), CapacityRange.atLeast(2 * MIB)));
        assertRefused(
                Reason.DAMAGED,
                record,
                () ->
                        backend.attach(
                                torn.id(), TestPool.NODE, AccessMode.SINGLE_NODE_WRITER, false));
        assertThat(Files.readString(folderOf(torn).record())).isEqualTo(content);
        assertThat(Linux.stat(folderOf(torn).image()).size()).isEqualTo(MIB);
        assertThat(backend.list(Optional.empty(), 10))
                .extracting(listed -> listed.volume().id())
                .containsExactly(well.id());
        backend.delete(well.id());
    }

    @Test
    @DisplayName("38: records that are too large, missing, or of another volume are damaged")
    void recordsThatCannotBeOursAreDamaged() throws Exception {
        var volume = make("v");
        var other = make("other");
        var record = folderOf(volume).record();
        Files.writeString(record, "{\"a\":\"" + "x".repeat(70_000) + "\"}");
        assertRefused(Reason.DAMAGED, "larger than", () -> backend.find(volume.id()));
        Files.copy(folderOf(other).record(), record, REPLACE_EXISTING);
        assertRefused(Reason.DAMAGED, other.id().toString(), () -> backend.find(volume.id()));
        Files.delete(record);
        assertRefused(Reason.DAMAGED, "missing", () -> backend.find(volume.id()));
        Files.delete(folderOf(other).image());
        assertRefused(Reason.DAMAGED, "missing", () -> backend.image(other.id()));
    }

    @Test
    @DisplayName("38: whatever lies where a volume should, others are listed")
    void whateverLiesWhereAVolumeShouldOthersAreListed() throws Exception {
        var well = make("well");
        var file = VolumeId.of(backend.pool(), "file");
        Files.writeString(pool.folder().volume(file).path(), "no folder");
        var bare = make("bare");
        FolderTree.erase(folderOf(bare).holders());
        Files.writeString(folderOf(bare).holders(), "no folder");
        var linked = make("linked");
        Files.delete(folderOf(linked).record());
        Files.createSymbolicLink(folderOf(linked).record(), folderOf(well).record());
        assertThat(backend.list(Optional.empty(), 10))
                .extracting(listed -> listed.volume().id())
                .containsExactly(well.id());
        assertRefused(Reason.DAMAGED, file.toString(), () -> backend.find(file));
        assertRefused(Reason.DAMAGED, "holders", () -> backend.delete(bare.id()));
        assertRefused(Reason.DAMAGED, "", () -> backend.delete(linked.id()));
        assertThat(pool.reopen().find(well.id())).contains(well);
    }

    @Test
    @DisplayName("38: a damaged format entry is never taken for blank")
    void aDamagedFormatEntryIsNeverBlank() throws Exception {
        var volume = make("v");
        var format = folderOf(volume).format();
        for (var content : List.of("", "{", "{\"version\":1}")) {
            Files.writeString(format, content);
            assertRefused(
                    Reason.DAMAGED, format.toString(), () -> backend.formatState(volume.id()));
            assertRefused(
                    Reason.DAMAGED,
                    format.toString(),
                    () -> backend.recordFormat(volume.id(), new FormatState.Blank()));
        }
        Files.delete(format);
        assertRefused(Reason.DAMAGED, "missing", () -> backend.formatState(volume.id()));
    }

    @Test
    @DisplayName("61: what a later version added is kept on rewrite")
    void unknownFieldsAndCompatibleFeaturesAreKept() throws Exception {
        var volume = make("v");
        for (var file : List.of(folderOf(volume).record(), folderOf(volume).format())) {
            edit(
                    file,
                    fields -> {
                        fields.withArray("compatible").add("colours");
                        fields.putObject("colour").put("red", 7);
                    });
        }
        backend.expand(volume.id(), CapacityRange.atLeast(4 * MIB));
        backend.recordFormat(volume.id(), new FormatState.Formatted(FileSystemType.EXT4));
        for (var file : List.of(folderOf(volume).record(), folderOf(volume).format())) {
            var fields = JSON.readTree(file.toFile());
            assertThat(fields.path("compatible").path(0).textValue()).isEqualTo("colours");
            assertThat(fields.path("colour").path("red").intValue()).isEqualTo(7);
        }
        assertThat(backend.formatState(volume.id()))
                .isEqualTo(new FormatState.Formatted(FileSystemType.EXT4));
    }

    @Test
    @DisplayName("61: an unknown incompatible feature refuses that volume alone, by name")
    void anUnknownIncompatibleFeatureRefusesThatVolumeAlone() throws Exception {
        var volume = make("v");
        var well = make("well");
        edit(
                folderOf(volume).record(),
                fields -> fields.withArray("incompatible").add("encryption"));
        backend = pool.reopen();
        assertRefused(Reason.FAILED_PRECONDITION, "encryption", () -> backend.find(volume.id()));
        assertRefused(Reason.FAILED_PRECONDITION, "encryption", () -> backend.delete(volume.id()));
        assertThat(backend.find(well.id())).contains(well);
        edit(folderOf(well).record(), fields -> fields.put("version", 2));
        assertRefused(Reason.FAILED_PRECONDITION, "version 2", () -> backend.find(well.id()));
    }

    @Test
    void aDamagedHoldKeepsOthersOutAndCanBeGivenUp() throws Exception {
        var other = new NodeId("other");
        backend.announce(TestPool.NODE, 250);
        backend.announce(other, 250);
        var volume = make("v");
        var mode = AccessMode.SINGLE_NODE_WRITER;
        backend.attach(volume.id(), TestPool.NODE, mode, false);
        Files.writeString(folderOf(volume).holders().resolve("node.a"), "{");
        assertThat(backend.publishedNodes(volume.id())).containsExactly(TestPool.NODE);
        assertRefused(Reason.FAILED_PRECONDITION, "", () -> backend.delete(volume.id()));
        // The lead is another name of the same file, so it is damaged too.
        assertRefused(Reason.DAMAGED, "", () -> backend.attach(volume.id(), other, mode, false));
        backend.detach(volume.id(), TestPool.NODE);
        backend.attach(volume.id(), other, mode, false);
    }

    @Test
    @DisplayName("32: thin volumes stay under the overcommit ratio, thick ones under the capacity")
    void reservationsStayUnderTheirLimits() throws Exception {
        pool.closeAll();
        backend = pool.open(pool.settings("test", 2.0), TestPool.NODE);
        var total = backend.capacity(Provisioning.THIN).totalBytes();
        var first = VolumeId.of(backend.pool(), "first");
        var second = VolumeId.of(backend.pool(), "second");
        var most = total / MIB * MIB - MIB;
        backend.create(first, Specs.thin("first", most));
        backend.create(second, Specs.thin("second", most));
        assertRefused(
                Reason.NO_SPACE,
                "unreserved",
                () ->
                        backend.create(
                                VolumeId.of(backend.pool(), "third"),
                                Specs.thin("third", 8 * MIB)));
        assertRefused(
                Reason.NO_SPACE,
                "",
                () -> backend.expand(first, CapacityRange.atLeast(most + 16 * MIB)));
        pool.closeAll();
        backend = pool.open(pool.settings("test", 2.0), TestPool.NODE);
        // Others write to this disk too, so only half of it is counted on.
        assertThat(backend.capacity(Provisioning.THIN).availableBytes()).isLessThan(total / 2);
        backend.delete(second);
        Polling.await(
                "the reservation is free again",
                Duration.ofSeconds(10),
                () -> backend.capacity(Provisioning.THIN).availableBytes() > total / 2);
    }

    @Test
    void theOrderOfCreationIsNotTheOrderOfTheList() throws Exception {
        var ids = List.of(make("a").id(), make("b").id(), make("c").id(), make("d").id());
        assertThat(backend.list(Optional.empty(), 10))
                .extracting(listed -> listed.volume().id())
                .containsExactlyElementsOf(ids.stream().sorted().toList());
        Files.createDirectory(pool.folder().volumes().resolve("not-ours"));
        assertThat(backend.list(Optional.empty(), 10)).hasSize(4);
    }
}
