package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What helm and an API server say of the chart, of the manifests rendered from it, and of the
/// examples.
class ChartTest {
    private static final Path DEPLOY = Path.of("deploy");
    private static final String POOL = "pools.ssd.path=/srv/ssd";
    private static final String SHARED = POOL + ",pools.ssd.shared=true,mode=central";

    @TempDir private static Path folder;

    private static Chart chart;

    @BeforeAll
    static void needsGo() throws Exception {
        assumeTrue(
                Chart.available(),
                "helm and the check of manifests are built with Go, which is not on this machine: install Go");
        chart = Chart.build(folder);
    }

    @ParameterizedTest
    @ValueSource(strings = {"local", "central"})
    void helmFindsNothingToBlame(String mode) throws Exception {
        var said = chart.lint(DEPLOY.resolve("helm").resolve(mode + ".yaml"));

        assertThat(said.well()).as(said.text()).isTrue();
        assertThat(said.text()).doesNotContain("[WARNING]", "[ERROR]");
    }

    @Test
    void theManifestsThatShipAreWhatTheChartRenders() throws Exception {
        var said = chart.renderShipped(folder);

        assertThat(said.well()).as(said.text()).isTrue();
        for (var name : List.of("stowage-local.yaml", "stowage-central.yaml")) {
            assertThat(folder.resolve(name))
                    .as("run deploy/render")
                    .hasSameTextualContentAs(DEPLOY.resolve(name))
                    .content()
                    .as("deleting one must leave the other's namespace alone")
                    .doesNotContain("kind: Namespace");
        }
    }

    @Test
    void anApiServerTakesTheManifestsThatShipAndTheExamples() throws Exception {
        var files = new ArrayList<Path>();
        try (var shipped = Files.newDirectoryStream(DEPLOY, "*.yaml");
                var examples = Files.newDirectoryStream(Path.of("examples"), "*.yaml")) {
            shipped.forEach(files::add);
            examples.forEach(files::add);
        }

        var said = chart.check(files.toArray(Path[]::new));

        assertThat(files).hasSizeGreaterThanOrEqualTo(10);
        assertThat(said.well()).as(said.text()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                POOL,
                POOL + ",node.registrar=sidecar",
                POOL + ",node.kubeletDir=/var/lib/k0s/kubelet/,state=/srv/state",
                POOL + ",snapshots.enabled=true,volumeSnapshotClasses.snap.default=true",
                POOL
                        + ",snapshots.enabled=true,volumeSnapshotClasses.snap.parameters.freezeSeconds=30",
                POOL + ",labels.a=b,annotations.c=d,podLabels.e=f,podAnnotations.g=h",
                POOL + ",imagePullSecrets[0].name=registry,image.repository=registry:5000/stowage",
                POOL + ",storageClasses.keep.pool=ssd,storageClasses.keep.mountOptions[0]=noatime",
                SHARED,
                SHARED + ",node.registrar=sidecar,controller.podDisruptionBudget.enabled=false",
                SHARED + ",controller.replicas=3,controller.runAsUser=1000",
                SHARED
                        + ",controller.freeze=true,controller.runAsUser=0,node.kubeletDir=/var/lib/k0s/kubelet/",
                SHARED + ",snapshots.enabled=true",
                SHARED
                        + ",snapshots.enabled=true,snapshots.groups=true,volumeGroupSnapshotClasses.g.default=true",
                SHARED
                        + ",volumeAttributesClasses.slow.parameters.readIops=500,cgroup=/sys/fs/cgroup/a",
                SHARED
                        + ",storageClasses.ssd.limits.iopsPerGiB=10,storageClasses.ssd.limits.maxIops=2k",
                SHARED + ",node.extraEnv[0].name=A,node.extraEnv[0].value=b",
            })
    void anApiServerTakesWhatTheValuesGive(String values) throws Exception {
        var rendered = chart.render("--set", values);
        assertThat(rendered.well()).as(rendered.text()).isTrue();

        var said = chart.check(rendered.text());

        assertThat(said.well()).as(said.text()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "mode=local | pools is empty: name at least one",
                "mode=both | at '/mode': value must be one of 'local', 'central'",
                "pools.ssd.pth=/srv | at '/pools/ssd': additional properties 'pth' not allowed",
                "pools.ssd.path=srv | at '/pools/ssd/path': 'srv' does not match pattern '^/'",
                "pools.Ssd.path=/srv | at '/pools': additional properties 'Ssd' not allowed",
                "pools.ssd.path=/var/lib | can't be mounted into the container",
                "pools.ssd.path=/var/lib/kubelet/x | mounts of volumes would appear twice",
                "pools.ssd.path=/a/b,pools.hdd.path=/a/b/ | have the same path",
                "pools.ssd.path=/a/b,pools.ssd.hostFolder=/c | is not a folder above the path",
                POOL + ",pools.ssd.filesystem=zfs | 'ext4', 'ext3', 'xfs', 'btrfs'",
                POOL + ",pools.ssd.overcommit=0.5 | use 1.0 or more",
                POOL + ",pools.ssd.shared=true | set mode: central, or shared: false",
                POOL + ",mode=central | set shared: true",
                POOL + ",defaultPool=hdd | there is no pool hdd; the pools are ssd",
                POOL + ",defaultStorageClass=hdd | there is no class hdd; the classes are ssd",
                POOL + ",storageClasses.fast.pool=hdd | there is no pool hdd",
                POOL + ",storageClasses.a.reclaimPolicy=Recycle | 'Delete', 'Retain'",
                POOL + ",node.registar=sidecar | at '/node': additional properties 'registar'",
                POOL + ",node.terminationGracePeriodSeconds=5 | minimum: got 5, want 25",
                POOL + ",driver=Big_Name | at '/driver': 'Big_Name' does not match pattern",
                POOL + ",sidecars.resizer.image=resizer | at '/sidecars/resizer/image'",
                POOL + ",volumeSnapshotClasses.s.default=true | set snapshots.enabled: true",
                POOL
                        + ",volumeSnapshotClasses.s.parameters.freezeSeconds=61 | maximum: got 61, want 60",
                POOL + ",snapshots.enabled=true,snapshots.groups=true | needs mode: central",
                SHARED + ",snapshots.groups=true | set snapshots.enabled: true",
                SHARED + ",volumeGroupSnapshotClasses.g.default=true | set snapshots.groups: true",
                POOL + ",controller.freeze=true | is for mode: central",
                SHARED + ",controller.freeze=true,controller.runAsUser=1000 | is 1000: set it to 0",
                SHARED + ",controller.freeze=true | is 65532: set it to 0",
                POOL + ",volumeAttributesClasses.s.parameters.readIops=9 | need mode: central",
                POOL
                        + ",volumeAttributesClasses.s.parameters.iops=9 | additional properties 'iops' not",
                POOL + ",storageClasses.ssd.limits.readIops=few | does not match pattern",
                POOL + ",cgroup=kubepods | at '/cgroup'",
                POOL + ",cgroup=/sys/../etc | at '/cgroup'",
                POOL + ",state=/srv/../etc | at '/state'",
                POOL + ",state=/ | at '/state'",
                POOL + ",maxVolumesPerNode=1048577 | maximum: got",
                POOL + ",maxVolumesPerNode=3.7 | at '/maxVolumesPerNode'",
                POOL + ",maxVolumesPerNode=many | at '/maxVolumesPerNode'",
                POOL + ",pools.ssd.overcommit=1000001 | maximum: got",
                POOL + ",pools.ssd.overcommit=1e9 | does not match pattern",
                POOL + ",pools.ssd.requireMount=yes | at '/pools/ssd/requireMount'",
                "pools.ssd.path=/srv/../etc/x | at '/pools/ssd/path'",
                "pools.ssd.path=/.. | at '/pools/ssd/path'",
                "pools.ssd.path=//./ | at '/pools/ssd/path'",
                POOL + ",node.kubeletDir=kubelet | at '/node/kubeletDir'",
            })
    void aBadValueIsRefusedWithWhatToDo(String values, String words) throws Exception {
        var said = chart.render("--set", values);

        assertThat(said.well()).isFalse();
        assertThat(said.text()).contains(words);
    }

    @Test
    void theSchemaKnowsEveryObject() throws Exception {
        var schema = new YAMLMapper().readTree(Chart.FOLDER.resolve("values.schema.json").toFile());
        var open = new ArrayList<String>();
        collectOpen(schema, "", open);

        // Kubernetes' own types, and what helm gives to every chart.
        assertThat(open)
                .containsExactlyInAnyOrder(
                        "/properties/global",
                        "/definitions/affinity/properties/nodeAffinity",
                        "/definitions/affinity/properties/podAffinity",
                        "/definitions/affinity/properties/podAntiAffinity",
                        "/definitions/env/properties/valueFrom");
    }

    private static void collectOpen(JsonNode node, String path, List<String> open) {
        if (node.path("type").asText().equals("object") && !node.has("additionalProperties")) {
            open.add(path);
        }
        node.properties()
                .forEach(child -> collectOpen(child.getValue(), path + "/" + child.getKey(), open));
    }

    @Test
    void theCheckRefusesWhatAnApiServerWould() throws Exception {
        var good = Files.readString(DEPLOY.resolve("stowage-local.yaml"));
        var broken =
                Map.of(
                        good.replace("privileged: true", "privileged: false"),
                        "Bidirectional mount propagation is available only to privileged",
                        good.replace("fsGroupPolicy:", "fsGroupPolcy:"),
                        "unknown field \"spec.fsGroupPolcy\"",
                        good.replace("mountPath: /tmp", "mountPath: /dev"),
                        "must be unique",
                        good.replace("kind: CSIDriver", "kind: CSIDrover"),
                        "no kind \"CSIDrover\" is registered");

        for (var each : broken.entrySet()) {
            var said = chart.check(each.getKey());
            assertThat(said.well()).isFalse();
            assertThat(said.text()).contains(each.getValue());
        }
    }
}
