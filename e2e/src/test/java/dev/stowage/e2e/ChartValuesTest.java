package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What `helm install` says to a wrong value, and what it tells the cluster of the driver.
class ChartValuesTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "pools.ssd.pth=/mnt/ssd | at '/pools/ssd': additional properties 'pth' not allowed",
                "mode=both | at '/mode': value must be one of 'local', 'central'",
                "pools.ssd.path=ssd | at '/pools/ssd/path'",
                "node.httpPort=many | at '/node/httpPort': got string, want integer",
                "defaultStorageClass=gold | defaultStorageClass: there is no class gold",
            })
    void aWrongValueIsRefusedWithItsPlaceAndLeavesNothing(String value, String message)
            throws Exception {
        try (var cluster = Cluster.open()) {
            var wrong = new Driver(cluster, "wrong");

            assertThatThrownBy(
                            () ->
                                    wrong.helm(
                                            "install",
                                            Driver.CHART,
                                            "--set=driver=wrong.csi.stowage.dev",
                                            "--set=pools.hdd.path=/mnt/hdd/wrong",
                                            "--set=" + value))
                    .hasMessageContaining(message);

            assertThat(
                            cluster.command(
                                    "helm", "list", "--all", "--namespace", Driver.NAMESPACE, "-q"))
                    .doesNotContain("wrong");
            assertThat(
                            cluster.client()
                                    .storage()
                                    .v1()
                                    .csiDrivers()
                                    .withName("wrong.csi.stowage.dev")
                                    .get())
                    .isNull();
        }
    }

    /// As far as a server can tell without doing it. The objects are there already, by helm.
    @ParameterizedTest
    @ValueSource(strings = {"local", "central"})
    void theServerTakesWhatIsDeployedWithoutHelm(String mode) throws Exception {
        try (var cluster = Cluster.open()) {
            var file = "deploy/stowage-%s.yaml".formatted(mode);
            var said = cluster.command("kubectl", "apply", "--dry-run=server", "-f", file);

            assertThat(said.lines().filter(line -> !line.startsWith("Warning: ")))
                    .hasSizeGreaterThanOrEqualTo(10)
                    .allMatch(line -> line.endsWith("(server dry run)"))
                    .anyMatch(line -> line.startsWith("csidriver.storage.k8s.io/"))
                    .noneMatch(line -> line.startsWith("namespace/"));
        }
    }

    /// Story 11. No node here has SELinux, so this is what can be seen of it: the kubelet is told
    /// to mount with `context=`, and [dev.stowage.volume.MountOptionsTest] holds what becomes of
    /// that.
    @Test
    void theKubeletIsToldToMountWithThePodsSelinuxContext() throws Exception {
        try (var cluster = Cluster.open()) {
            for (var name : new String[] {"csi.stowage.dev", "central.csi.stowage.dev"}) {
                var driver = cluster.client().storage().v1().csiDrivers().withName(name).require();

                assertThat(driver.getSpec().getSeLinuxMount()).as(name).isTrue();
            }
        }
    }
}
