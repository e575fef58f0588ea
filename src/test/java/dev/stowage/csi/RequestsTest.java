package dev.stowage.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import csi.v1.CapacityRange;
import csi.v1.CreateVolumeRequest;
import csi.v1.VolumeCapability;
import csi.v1.VolumeCapability.AccessMode.Mode;
import csi.v1.VolumeContentSource;
import dev.stowage.volume.AccessType;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.util.function.Consumer;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure cases 41 to 43, as far as a request alone can show them.
class RequestsTest {
    @Test
    void everythingAskedForIsTaken() {
        var asked =
                Requests.volumeRequest(
                        request(
                                r ->
                                        r.setCapacityRange(
                                                        CapacityRange.newBuilder()
                                                                .setRequiredBytes(5)
                                                                .setLimitBytes(9))
                                                .putParameters("pool", "hdd")
                                                .putParameters("provisioning", "thin")
                                                .putParameters("mkfsOptions", "  -m  1 ")
                                                .putParameters(
                                                        "csi.storage.k8s.io/pvc/name", "data")
                                                .putParameters(
                                                        "csi.storage.k8s.io/fstype", "xfs")));
        assertThat(asked.name()).isEqualTo("pvc-1");
        assertThat(asked.pool()).contains("hdd");
        assertThat(asked.provisioning()).contains(Provisioning.THIN);
        assertThat(asked.mkfsOptions()).containsExactly("-m", "1");
        assertThat(asked.capacity().requiredBytes()).isEqualTo(5);
        assertThat(((AccessType.Mount) asked.capabilities().getFirst().type()).fileSystem())
                .contains(FileSystemType.XFS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"..", ".hidden", "a/b/../c", "größe", "名前", " "})
    void anyTextIsAName(String name) {
        assertThat(Requests.volumeRequest(request(r -> r.setName(name))).name()).isEqualTo(name);
    }

    @Test
    void aNameHasAtMost128Bytes() {
        assertThat(Requests.name("x".repeat(128))).hasSize(128);
        assertInvalid(r -> r.setName("x".repeat(129)), "128 bytes");
        assertInvalid(r -> r.setName("ü".repeat(65)), "128 bytes");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\nb", "a\u0000", "\u007f", "\u0085"})
    void controlCharactersInANameAreRefused(String name) {
        assertInvalid(r -> r.setName(name), "control characters");
    }

    @Test
    void whatIsRequiredIsRequired() {
        assertInvalid(r -> r.setName(""), "name is missing");
        assertInvalid(
                CreateVolumeRequest.Builder::clearVolumeCapabilities,
                "volume_capabilities are missing");
    }

    /// Every capability counts, not only the first.
    @Test
    void everyCapabilityIsChecked() {
        assertInvalid(
                r -> r.addVolumeCapabilities(VolumeCapability.getDefaultInstance()),
                "access_mode is missing");
        assertInvalid(
                r -> r.addVolumeCapabilities(capability(Mode.SINGLE_NODE_WRITER).clearAccessType()),
                "access_type is missing");
        assertInvalid(
                r ->
                        r.addVolumeCapabilities(
                                capability(Mode.SINGLE_NODE_WRITER)
                                        .setMount(
                                                VolumeCapability.MountVolume.newBuilder()
                                                        .setFsType("zfs"))),
                "'zfs' is not supported: use one of ext4, ext3, xfs, btrfs");
    }

    @ParameterizedTest
    @EnumSource(
            value = Mode.class,
            names = {"SINGLE_NODE_READER_ONLY", "MULTI_NODE_READER_ONLY"})
    void aBlankVolumeToBeReadOnlyIsRefused(Mode mode) {
        assertInvalid(
                r -> r.clearVolumeCapabilities().addVolumeCapabilities(capability(mode)),
                "may only be read");
    }

    @Test
    void unknownParametersAreNamedWithTheKnownOnes() {
        assertInvalid(
                r -> r.putParameters("filesystem", "xfs"),
                "parameter 'filesystem' is not known: use iopsPerGiB, maxIops, mkfsOptions, pool, provisioning, readBytesPerSecond, readIops, writeBytesPerSecond, writeIops");
        assertInvalid(
                r -> r.putModifiableParameters("iopsPerGiB", "1"),
                "mutable parameter 'iopsPerGiB' is not known: use readIops, writeIops, readBytesPerSecond, writeBytesPerSecond");
        assertInvalid(r -> r.putModifiableParameters("readIops", "many"), "readIops is 'many'");
        assertInvalid(r -> r.putParameters("readIops", "0"), "readIops is '0'");
        assertInvalid(r -> r.putParameters("maxIops", "5"), "iopsPerGiB, which is missing");
        assertInvalid(r -> r.putParameters("provisioning", "fat"), "use thick or thin");
    }

    @Test
    @DisplayName("43: mutable parameters override parameters")
    void mutableParametersOverrideParameters() {
        var limits =
                Requests.volumeRequest(
                                request(
                                        r ->
                                                r.putParameters("readIops", "100")
                                                        .putParameters("writeIops", "200")
                                                        .putModifiableParameters("readIops", "7")))
                        .limits();
        assertThat(limits.at(1).readIops()).hasValue(7);
        assertThat(limits.at(1).writeIops()).hasValue(200);
    }

    @Test
    void aContentSourceIsRefusedWhileNothingCanBeCopied() {
        assertInvalid(
                r -> r.setVolumeContentSource(VolumeContentSource.getDefaultInstance()),
                "snapshot");
    }

    @Test
    void aCapacityThatContradictsItselfIsRefused() {
        assertInvalid(
                r -> r.setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(-1)),
                "negative");
        assertInvalid(
                r ->
                        r.setCapacityRange(
                                CapacityRange.newBuilder().setRequiredBytes(2).setLimitBytes(1)),
                "over the limit");
    }

    /// Failure case 46.
    @Test
    void aTokenThatWasNeverIssuedIsRefused() {
        assertThatThrownBy(() -> Requests.startingToken("garbage"))
                .isInstanceOf(VolumeException.class)
                .extracting(e -> ((VolumeException) e).reason())
                .isEqualTo(Reason.BAD_TOKEN);
        assertThat(Requests.startingToken("")).isEmpty();
    }

    /// Failure case 46.
    @Test
    void aPageOfANegativeSizeIsRefusedAndZeroMeansAll() {
        assertThat(Requests.limit(0)).isGreaterThan(1_000_000);
        assertThat(Requests.limit(7)).isEqualTo(7);
        assertThatThrownBy(() -> Requests.limit(-1))
                .isInstanceOf(VolumeException.class)
                .extracting(e -> ((VolumeException) e).reason())
                .isEqualTo(Reason.INVALID);
    }

    @Test
    void aPathWithANulOrOverPathMaxIsRefused() {
        assertThatThrownBy(() -> Requests.path("/a\u0000b", "target_path"))
                .hasMessage("target_path is not a path");
        assertThatThrownBy(() -> Requests.path("/" + "x".repeat(5000), "target_path"))
                .hasMessageContaining("4096");
        assertThatThrownBy(() -> Requests.path("", "target_path"))
                .hasMessage("target_path is missing");
    }

    /// It would name something in the folder that the driver was started in.
    @ParameterizedTest
    @ValueSource(strings = {"rel", "./rel", "../rel", "~/rel", " /rel"})
    void aRelativePathIsRefused(String path) {
        assertThatThrownBy(() -> Requests.path(path, "target_path"))
                .isInstanceOf(VolumeException.class)
                .hasMessage("target_path must be absolute: begin it with /")
                .extracting(e -> ((VolumeException) e).reason())
                .isEqualTo(Reason.INVALID);
        assertThatThrownBy(() -> Requests.pathIfGiven(path, "staging_target_path"))
                .hasMessageContaining("staging_target_path must be absolute");
        assertThatThrownBy(() -> Requests.volumePath(path))
                .hasMessage("volume_path must be absolute: begin it with /")
                .extracting(e -> ((VolumeException) e).reason())
                .isEqualTo(Reason.NOT_FOUND);
        Requests.pathIfGiven("", "staging_target_path");
    }

    /// Failure case 60.
    @Test
    void anIdOfAnotherGrammarNamesNothingOfOurs() {
        assertThatThrownBy(() -> Requests.existing("fake-vol-id-1"))
                .isInstanceOf(VolumeException.class)
                .extracting(e -> ((VolumeException) e).reason())
                .isEqualTo(Reason.NOT_FOUND);
    }

    private static void assertInvalid(
            Consumer<CreateVolumeRequest.Builder> change, String message) {
        assertThatThrownBy(() -> Requests.volumeRequest(request(change)))
                .isInstanceOf(VolumeException.class)
                .hasMessageContaining(message)
                .extracting(e -> ((VolumeException) e).reason())
                .isEqualTo(Reason.INVALID);
    }

    private static CreateVolumeRequest request(Consumer<CreateVolumeRequest.Builder> change) {
        var request =
                CreateVolumeRequest.newBuilder()
                        .setName("pvc-1")
                        .addVolumeCapabilities(capability(Mode.SINGLE_NODE_WRITER));
        change.accept(request);
        return request.build();
    }

    private static VolumeCapability.Builder capability(Mode mode) {
        return VolumeCapability.newBuilder()
                .setMount(VolumeCapability.MountVolume.getDefaultInstance())
                .setAccessMode(VolumeCapability.AccessMode.newBuilder().setMode(mode));
    }
}
