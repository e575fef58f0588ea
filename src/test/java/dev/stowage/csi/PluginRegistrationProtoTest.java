package dev.stowage.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import pluginregistration.v1.Pluginregistration;

/// Holds proto/pluginregistration.proto to the kubelet's own file.
class PluginRegistrationProtoTest {
    private static final UpstreamProto KUBELETS =
            new UpstreamProto(
                    "k8s.io/kubelet",
                    "v0.34.3",
                    "h1:8QRev2FmasZ05yCC774qn6ULche72PYM7AQv0CVt9CM=",
                    "pkg/apis/pluginregistration/v1/api.proto");

    @TempDir Path folder;

    @Test
    void ourProtocolIsTheKubelets() throws Exception {
        assumeTrue(
                UpstreamProto.canBeFetched(),
                "Skipped: fetching the kubelet's protocol needs go on the PATH.");

        var kubelets = KUBELETS.statements(folder);
        var ours = ProtoStatements.of(Pluginregistration.getDescriptor().toProto());

        // Proof that there was something to compare.
        assertThat(kubelets).contains("service .pluginregistration.Registration");
        assertThat(UpstreamProto.differences(kubelets, ours))
                .as(
                        "Differences between proto/pluginregistration.proto and %s %s",
                        KUBELETS.module(), KUBELETS.version())
                .isEmpty();
    }
}
