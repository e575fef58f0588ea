package dev.stowage.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.spi.Attachment;
import dev.stowage.volume.Limits;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PublishContextTest {
    private static final VolumeId ID =
            VolumeId.parse("ssd.01234567.v" + "ab".repeat(16)).orElseThrow();
    private static final VolumeId OTHER =
            VolumeId.parse("ssd.01234567.v" + "cd".repeat(16)).orElseThrow();

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatIsEncodedIsDecoded(boolean readOnly) {
        var attachment = new Attachment.LoopFile(ID, readOnly);
        assertThat(PublishContext.decode(ID, PublishContext.encode(attachment, Limits.NONE)))
                .isEqualTo(attachment);
    }

    /// Kubernetes keeps these strings over upgrades of the driver: they must not change.
    @Test
    void theFormatOfVersionOneStaysAsItIs() {
        assertThat(PublishContext.encode(new Attachment.LoopFile(ID, false), Limits.NONE))
                .isEqualTo(
                        Map.of(
                                "stowage.dev/version", "1",
                                "stowage.dev/engine", "loop-file",
                                "stowage.dev/volume", ID.toString(),
                                "stowage.dev/readOnly", "false"));
    }

    @Test
    void limitsTravelBesideTheAttachment() {
        var limits =
                new Limits(
                        OptionalLong.of(100),
                        OptionalLong.empty(),
                        OptionalLong.empty(),
                        OptionalLong.of(10 << 20));
        var context = PublishContext.encode(new Attachment.LoopFile(ID, false), limits);
        assertThat(context)
                .containsEntry("stowage.dev/limits", "readIops=100,writeBytesPerSecond=10485760");
        assertThat(PublishContext.decode(ID, context))
                .isEqualTo(new Attachment.LoopFile(ID, false));
    }

    @Test
    void keysAddedByALaterVersionAreIgnored() {
        var context =
                new HashMap<>(
                        PublishContext.encode(new Attachment.LoopFile(ID, false), Limits.NONE));
        context.put("stowage.dev/hint", "x");
        assertThat(PublishContext.decode(ID, context))
                .isEqualTo(new Attachment.LoopFile(ID, false));
    }

    @Test
    void noContextMeansNotAttached() {
        assertThatThrownBy(() -> PublishContext.decode(ID, Map.of()))
                .isInstanceOf(VolumeException.class)
                .hasMessageContaining("ControllerPublishVolume");
    }

    @ParameterizedTest
    @CsvSource({
        "stowage.dev/version, 2",
        "stowage.dev/engine, carrier-pigeon",
        "stowage.dev/incompatible, encryption",
        "stowage.dev/readOnly, perhaps",
    })
    void aContextThatThisNodeDoesNotUnderstandIsRefused(String key, String value) {
        var context =
                new HashMap<>(
                        PublishContext.encode(new Attachment.LoopFile(ID, false), Limits.NONE));
        context.put(key, value);
        assertThatThrownBy(() -> PublishContext.decode(ID, context))
                .isInstanceOf(VolumeException.class);
    }

    @Test
    void theContextOfAnotherVolumeIsRefused() {
        var context = PublishContext.encode(new Attachment.LoopFile(OTHER, false), Limits.NONE);
        assertThatThrownBy(() -> PublishContext.decode(ID, context))
                .hasMessageContaining(OTHER.toString())
                .hasMessageContaining(ID.toString());
    }
}
