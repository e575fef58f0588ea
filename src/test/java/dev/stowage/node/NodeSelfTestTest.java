package dev.stowage.node;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.Capabilities;
import dev.stowage.linux.KernelVersion;
import dev.stowage.linux.Linux;
import dev.stowage.linux.MountTable;
import dev.stowage.node.filesystem.SysResource;
import dev.stowage.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NodeSelfTestTest {
    @Test
    @RequiresRoot
    void aMachineThatRunsTheseTestsHasNoProblems() throws IOException {
        assertThat(new NodeSelfTest().problems(Optional.empty())).isEmpty();
    }

    @Test
    void theCapabilityToGrowAMountedExt4IsMissedAtStart() throws IOException {
        assertThat(new NodeSelfTest().warnings())
                .filteredOn(text -> text.contains("CAP_SYS_RESOURCE is missing, and ext4 volumes"))
                .hasSize(Linux.hasCapSysResource() ? 0 : 1);
    }

    @Test
    @DisplayName("76: what is said of a missing capability is true where it is said")
    void whoCanGiveTheCapabilityFollowsFromTheBoundingSet() {
        var all = (1L << 41) - 1;
        var sysResource = 1L << Capabilities.SYS_RESOURCE;
        assertThat(SysResource.advice(new Capabilities(0, all & ~sysResource, 41)))
                .contains("no setting of the pod adds it");
        assertThat(SysResource.advice(new Capabilities(0, 0x00000000a82425fbL, 41)))
                .contains("securityContext.capabilities.add");
        assertThat(SysResource.advice(new Capabilities(0, all, 41))).contains("as root");
    }

    @Test
    void anOldKernelIsNamedWithTheVersionItTakes() {
        assertThat(NodeSelfTest.kernelProblem(new KernelVersion(5, 11)).orElseThrow())
                .contains("5.11")
                .contains("5.12");
        assertThat(NodeSelfTest.kernelProblem(new KernelVersion(5, 12))).isEmpty();
    }

    /// 24
    @Test
    void aKubeletFolderWhoseMountIsNotSharedIsAProblem(@TempDir Path folder) throws IOException {
        var real = folder.toRealPath();
        var around = "1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n";
        var own = "2 1 8:1 /k " + real.getParent() + " rw %s - ext4 /dev/sda1 rw\n";
        assertThat(
                        NodeSelfTest.propagationProblem(
                                table(around + own.formatted("master:1")), folder))
                .hasValueSatisfying(
                        text -> assertThat(text).contains("mountPropagation: Bidirectional"));
        assertThat(
                        NodeSelfTest.propagationProblem(
                                table(around + own.formatted("shared:7")), folder))
                .isEmpty();
        assertThat(NodeSelfTest.propagationProblem(table(around), folder)).isEmpty();
        assertThat(NodeSelfTest.propagationProblem(table(around), folder.resolve("missing")))
                .hasValueSatisfying(text -> assertThat(text).contains("same path"));
    }

    private static MountTable table(String text) {
        return MountTable.parse(text.getBytes(UTF_8));
    }
}
