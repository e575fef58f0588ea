package dev.stowage;

import static java.util.Objects.requireNonNull;
import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.stowage.config.Config;
import dev.stowage.config.ConfigFile;
import dev.stowage.volume.Provisioning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What is in the objects that the chart gives.
class ChartObjectsTest {
    private static final YAMLMapper YAML = new YAMLMapper();
    private static final String POOL = "pools.ssd.path=/srv/ssd";
    private static final String SHARED = POOL + ",pools.ssd.shared=true,mode=central";

    @TempDir private static Path folder;

    private static Chart chart;

    @BeforeAll
    static void needsGo() throws Exception {
        assumeTrue(
                Chart.available(),
                "helm is built with Go, which is not on this machine: install Go");
        chart = Chart.build(folder);
    }

    @Test
    void theDriverReadsItsConfigurationFromTheChart() throws Exception {
        var config = configuration("--values", "deploy/helm/local.yaml");

        assertThat(config.driver()).isEqualTo("csi.stowage.dev");
        assertThat(config.attach()).isFalse();
        assertThat(config.defaultPool()).contains("ssd");
        var hdd = requireNonNull(config.pools().get("hdd"));
        assertThat(hdd.path()).isEqualTo(Path.of("/mnt/hdd/stowage"));
        assertThat(hdd.provisioning()).isEqualTo(Provisioning.THIN);
        assertThat(hdd.overcommit()).isEqualTo(2.0);
        assertThat(hdd.requireMount()).isTrue();
    }

    @Test
    void theDriverReadsACentralConfigurationFromTheChart() throws Exception {
        var config = configuration("--values", "deploy/helm/central.yaml");

        assertThat(config.attach()).isTrue();
        assertThat(config.pools().values()).allMatch(Config.PoolConfig::shared);
    }

    private Config configuration(String... arguments) throws Exception {
        var map = only("ConfigMap", objects(chart.render(arguments)));
        var text = map.path("data").path("stowage.yaml").asText();
        return ConfigFile.read(Files.writeString(folder.resolve("stowage.yaml"), text));
    }

    @Test
    void theNodeSeesTheCgroupsOfTheHostAndTheDriverIsToldWhichHasThePods() throws Exception {
        var objects = objects(chart.render("--set", POOL + ",cgroup=/sys/fs/cgroup/a"));
        var driver = pod(only("DaemonSet", objects)).path("containers").get(0);
        assertThat(elements(driver.path("volumeMounts")))
                .anyMatch(
                        mount ->
                                mount.path("mountPath").asText().equals("/sys/fs/cgroup")
                                        && !mount.path("readOnly").asBoolean(false));
        assertThat(configuration("--set", POOL + ",cgroup=/sys/fs/cgroup/a").cgroup())
                .contains(Path.of("/sys/fs/cgroup/a"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                POOL + ",snapshots.enabled=true",
                SHARED
                        + ",snapshots.enabled=true,snapshots.groups=true,volumeAttributesClasses.a.parameters.readIops=9"
            })
    void nobodyHasRightsOnSecretsOrOnEverything(String everything) throws Exception {
        var objects = objects(chart.render("--set", everything));
        for (var object : objects) {
            for (var rule : object.path("rules")) {
                assertThat(rule.toString()).doesNotContain("\"*\"", "secrets", "impersonate");
                assertThat(rule.has("nonResourceURLs")).isFalse();
            }
        }
        assertThat(elements(only("ClusterRole", objects).path("rules")))
                .isNotEmpty()
                .noneMatch(rule -> rule.path("resources").toString().contains("\"pods\""));
    }

    /// Otherwise it watches the pods of the whole cluster, which it has no right to.
    @ParameterizedTest
    @ValueSource(strings = {POOL, SHARED})
    void theResizerIsToldThatVolumesGrowWhileTheyAreUsed(String values) throws Exception {
        var kind = values.equals(SHARED) ? "StatefulSet" : "DaemonSet";
        var pod = pod(only(kind, objects(chart.render("--set", values))));
        var resizer =
                elements(pod.path("containers"))
                        .filter(one -> one.path("name").asText().equals("resizer"))
                        .findFirst()
                        .orElseThrow();

        assertThat(resizer.path("args").toString()).contains("--handle-volume-inuse-error=false");
    }

    /// It watches them as soon as the driver can change volumes, also while there are none.
    @Test
    void theResizerOfModeCentralMayWatchAttributesClasses() throws Exception {
        var rules = only("ClusterRole", objects(chart.render("--set", SHARED))).path("rules");

        assertThat(elements(rules))
                .anyMatch(
                        rule ->
                                rule.path("resources")
                                                .toString()
                                                .contains("volumeattributesclasses")
                                        && rule.path("verbs").toString().contains("watch"));
    }

    /// Unless it is told it looks for them, and each start complains of what it may not read.
    @Test
    void theSnapshotterIsToldWhetherThereAreGroupsAndHasRightsOnlyThen() throws Exception {
        for (var groups : List.of(true, false)) {
            var objects =
                    objects(
                            chart.render(
                                    "--set",
                                    SHARED + ",snapshots.enabled=true,snapshots.groups=" + groups));
            var snapshotter =
                    elements(pod(only("StatefulSet", objects)).path("containers"))
                            .filter(one -> one.path("name").asText().equals("snapshotter"))
                            .findFirst()
                            .orElseThrow();

            assertThat(snapshotter.path("args").toString())
                    .contains("\"--feature-gates=CSIVolumeGroupSnapshot=%s\"".formatted(groups));
            assertThat(only("ClusterRole", objects).toString().contains("groupsnapshot.storage"))
                    .isEqualTo(groups);
        }
    }

    /// Whoever has the provisioner beside it.
    @ParameterizedTest
    @ValueSource(strings = {POOL, SHARED})
    void theDriverWritesEventsOnClaimsUnlessThatIsSwitchedOff(String values) throws Exception {
        var on = objects(chart.render("--set", values));
        var off = objects(chart.render("--set", values + ",claimEvents=false"));

        assertThat(speakers(on))
                .containsExactly(values.equals(SHARED) ? "StatefulSet" : "DaemonSet");
        assertThat(speakers(off)).isEmpty();
        assertThat(mayUpdateEvents(on)).isTrue();
        assertThat(mayUpdateEvents(off)).isFalse();
    }

    /// The kinds of workloads whose driver is told to.
    private static List<String> speakers(List<JsonNode> objects) {
        return objects.stream()
                .filter(
                        object ->
                                pod(object)
                                        .path("containers")
                                        .path(0)
                                        .path("args")
                                        .toString()
                                        .contains("\"--claim-events\""))
                .map(object -> object.path("kind").asText())
                .toList();
    }

    private static boolean mayUpdateEvents(List<JsonNode> objects) {
        return elements(only("ClusterRole", objects).path("rules"))
                .anyMatch(
                        rule ->
                                rule.path("resources").toString().contains("\"events\"")
                                        && rule.path("verbs").toString().contains("\"update\""));
    }

    @Test
    void aDriverThatServesOneNodeHasNoToken() throws Exception {
        var pod = pod(only("DaemonSet", objects(chart.render("--set", SHARED))));

        assertThat(pod.path("automountServiceAccountToken").asBoolean(true)).isFalse();
        assertThat(pod.path("containers")).hasSize(1);
    }

    @Test
    void onlyTheNodesDriverIsPrivilegedAndNothingWritesItsImage() throws Exception {
        for (var values : List.of(POOL + ",node.registrar=sidecar", SHARED)) {
            assertPrivileged(objects(chart.render("--set", values)), "DaemonSet");
        }
    }

    @Test
    void aControllerThatFreezesIsPrivilegedAndSeesTheNodesMountsAsTheyComeAndGo() throws Exception {
        var objects =
                objects(
                        chart.render(
                                "--set",
                                SHARED + ",controller.freeze=true,controller.runAsUser=0"));

        assertPrivileged(objects, "DaemonSet", "StatefulSet");
        var driver = pod(only("StatefulSet", objects)).path("containers").get(0);
        assertThat(driver.path("args").toString()).contains("--kubelet-dir=/var/lib/kubelet");
        assertThat(elements(driver.path("volumeMounts")))
                .anyMatch(
                        mount ->
                                mount.path("mountPath").asText().equals("/var/lib/kubelet")
                                        && mount.path("readOnly").asBoolean()
                                        && mount.path("mountPropagation")
                                                .asText()
                                                .equals("HostToContainer"));
    }

    /// Of the containers of all objects, those of the driver in workloads of these kinds alone.
    private static void assertPrivileged(List<JsonNode> objects, String... kinds) {
        for (var object : objects) {
            for (var container : pod(object).path("containers")) {
                var context = container.path("securityContext");
                var privileged =
                        List.of(kinds).contains(object.path("kind").asText())
                                && container.path("name").asText().equals("driver");
                assertThat(context.path("readOnlyRootFilesystem").asBoolean()).isTrue();
                assertThat(context.path("privileged").asBoolean(false)).isEqualTo(privileged);
                assertThat(context.path("capabilities").path("drop").toString())
                        .isEqualTo(privileged ? "" : "[\"ALL\"]");
            }
        }
    }

    @Test
    void theControllerAndItsSidecarsAreNotRoot() throws Exception {
        var controller =
                pod(
                        only(
                                "StatefulSet",
                                objects(
                                        chart.render(
                                                "--set", SHARED + ",snapshots.enabled=true"))));

        var context = controller.path("securityContext");
        assertThat(context.path("runAsNonRoot").asBoolean()).isTrue();
        assertThat(context.path("runAsUser").asInt()).isEqualTo(65532);
        assertThat(context.path("runAsGroup").asInt()).isEqualTo(65532);
        for (var container : controller.path("containers")) {
            var user = container.path("securityContext").path("runAsUser");
            assertThat(user.asInt(65532)).as(container.path("name").asText()).isEqualTo(65532);
        }
        // What its node's driver remembers (failure case 33).
        assertThat(controller.path("volumes").toString())
                .contains("\"/var/lib/stowage/csi.stowage.dev\"");
    }

    @Test
    void twoModesInOneNamespaceShareNoNameAndNoFolder() throws Exception {
        var local = objects(chart.render("--set", POOL));
        var central =
                objects(
                        chart.render(
                                "--set",
                                "fullnameOverride=other,driver=other.dev,mode=central,"
                                        + "pools.nas.path=/mnt/nas/stowage,pools.nas.shared=true"));

        assertThat(names(local)).doesNotContainAnyElementsOf(names(central));
        var state = Map.of("local", stateFolder(local), "central", stateFolder(central));
        assertThat(state.get("local")).isNotEqualTo(state.get("central"));
    }

    private static List<String> names(List<JsonNode> objects) {
        return objects.stream()
                .map(o -> o.path("kind").asText() + " " + o.path("metadata").path("name").asText())
                .toList();
    }

    private static String stateFolder(List<JsonNode> objects) {
        return elements(pod(only("DaemonSet", objects)).path("volumes"))
                .filter(volume -> volume.path("name").asText().equals("state"))
                .map(volume -> volume.path("hostPath").path("path").asText())
                .findFirst()
                .orElseThrow();
    }

    @Test
    void theParentOfEachPoolIsMountedOnceAndSoIsEachDisk() throws Exception {
        var objects =
                objects(
                        chart.render(
                                "--set",
                                "pools.a.path=/mnt/x/a,pools.b.path=/mnt/x/b,pools.c.path=/data"));

        var folders =
                elements(pod(only("DaemonSet", objects)).path("volumes"))
                        .filter(volume -> volume.path("name").asText().startsWith("pool-"))
                        .collect(
                                toMap(
                                        volume -> volume.path("hostPath").path("path").asText(),
                                        volume -> volume.path("hostPath").path("type").asText()));
        assertThat(folders).isEqualTo(Map.of("/mnt/x", "", "/data", ""));
    }

    private static List<JsonNode> objects(Chart.Said rendered) throws IOException {
        assertThat(rendered.well()).as(rendered.text()).isTrue();
        try (var documents = YAML.readerFor(JsonNode.class).<JsonNode>readValues(rendered.text())) {
            return documents.readAll().stream().filter(JsonNode::isObject).toList();
        }
    }

    private static JsonNode only(String kind, List<JsonNode> objects) {
        var found = objects.stream().filter(o -> o.path("kind").asText().equals(kind)).toList();
        assertThat(found).hasSize(1);
        return found.getFirst();
    }

    private static JsonNode pod(JsonNode workload) {
        return workload.path("spec").path("template").path("spec");
    }

    private static Stream<JsonNode> elements(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false);
    }
}
