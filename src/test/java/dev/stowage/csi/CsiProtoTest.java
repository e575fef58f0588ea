package dev.stowage.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import csi.v1.Csi;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Holds proto/csi.proto to the specification's own file.
class CsiProtoTest {
    private static final UpstreamProto SPECIFICATION =
            new UpstreamProto(
                    "github.com/container-storage-interface/spec",
                    "v1.13.0",
                    "h1:6ja3nYoACisewTPAAZkJ1pbf4+1ehhvt9Z/nYgWGHGw=",
                    "csi.proto");

    /// The messages in which the Java accessors of `parameters` and `mutable_parameters` collide.
    private static final List<String> RENAMED =
            List.of(
                    ".csi.v1.CreateVolumeRequest",
                    ".csi.v1.ValidateVolumeCapabilitiesRequest",
                    ".csi.v1.ValidateVolumeCapabilitiesResponse.Confirmed");

    @TempDir Path folder;

    @Test
    void ourProtocolIsTheSpecificationsButForOneRename() throws Exception {
        assumeTrue(
                UpstreamProto.canBeFetched(),
                "Skipped: fetching the CSI specification needs go on the PATH.");

        var specification = SPECIFICATION.statements(folder);
        var ours =
                ProtoStatements.of(Csi.getDescriptor().toProto()).stream()
                        .map(CsiProtoTest::undoRename)
                        .collect(Collectors.toCollection(TreeSet::new));

        // Proof that there was something to compare.
        assertThat(specification)
                .contains("service .csi.v1.Identity", "message .csi.v1.VolumeCapability");
        assertThat(UpstreamProto.differences(specification, ours))
                .as("Differences between proto/csi.proto and CSI %s", SPECIFICATION.version())
                .isEmpty();
    }

    private static String undoRename(String line) {
        var renamed = RENAMED.stream().anyMatch(name -> line.startsWith("message " + name + ": "));
        return renamed ? line.replace("> modifiable_parameters", "> mutable_parameters") : line;
    }
}
