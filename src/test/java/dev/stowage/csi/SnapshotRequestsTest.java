package dev.stowage.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import csi.v1.CreateSnapshotRequest;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SnapshotRequestsTest {
    private static CreateSnapshotRequest with(String key, String value) {
        return CreateSnapshotRequest.newBuilder().putAllParameters(Map.of(key, value)).build();
    }

    @Test
    void withoutTheParameterNothingMayBeFrozen() {
        assertThat(SnapshotRequests.freezeAtMost(CreateSnapshotRequest.getDefaultInstance()))
                .isEmpty();
        assertThat(SnapshotRequests.freezeAtMost(with("csi.storage.k8s.io/any", "x"))).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "30, 30", "060, 60"})
    void wholeSecondsInRangeAreTheBound(String value, long seconds) {
        assertThat(SnapshotRequests.freezeAtMost(with("freezeSeconds", value)))
                .hasValue(Duration.ofSeconds(seconds));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "0", "61", "-1", "+5", "1.5", "5s", " 5", "true", "4294967297", "٣"})
    void otherValuesAreRefusedNamingKeyAndRange(String value) {
        assertRefused(with("freezeSeconds", value), "freezeSeconds is '%s'", "from 1 to 60");
    }

    @Test
    void unknownKeysAreRefusedByName() {
        assertRefused(with("freeze", "5"), "parameter 'freeze' is not known: use freezeSeconds");
    }

    private static void assertRefused(CreateSnapshotRequest request, String... words) {
        var refusal =
                catchThrowableOfType(
                        VolumeException.class, () -> SnapshotRequests.freezeAtMost(request));
        assertThat(refusal).isNotNull();
        assertThat(refusal.reason()).isEqualTo(Reason.INVALID);
        for (var word : words) {
            assertThat(refusal)
                    .hasMessageContaining(
                            word.replace(
                                    "%s", request.getParametersOrDefault("freezeSeconds", "")));
        }
    }
}
