package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// Story 9: many pods at once. How long it takes is printed, beside pods without a driver.
class ManyPodsTest {
    private static final int PODS = 60;
    private static final String SCRIPT = "echo here >/data/word && exec sleep infinity";
    private static final String SPREAD =
            "topologySpreadConstraints: [{maxSkew: 4, topologyKey: kubernetes.io/hostname,"
                    + " whenUnsatisfiable: DoNotSchedule,"
                    + " labelSelector: {matchLabels: {app: story}}}]";

    @Test
    void sixtyClaimsAndPodsAtOnceAllRun() throws Exception {
        try (var cluster = Cluster.open()) {
            var plain = seconds(cluster, false);
            var volumes = seconds(cluster, true);
            System.out.printf(
                    "%d pods at once until all are Ready: %d s with a hostPath each, %d s with a claim each%n",
                    PODS, plain, volumes);
            Remains.areExactly(cluster, Set.of());
        }
    }

    private static long seconds(Cluster cluster, boolean claims) throws Exception {
        try (var story = Story.begin(cluster)) {
            var start = System.nanoTime();
            for (var i = 0; i < PODS; i++) {
                var name = "pod" + i;
                var volume =
                        "{hostPath: {path: /var/lib/plain/%s, type: DirectoryOrCreate}}"
                                .formatted(name);
                if (claims) {
                    story.apply(Manifests.claim(name, "hdd", "32Mi"));
                    volume = "{persistentVolumeClaim: {claimName: %s}}".formatted(name);
                }
                story.apply(Manifests.pod(name, volume, "", SCRIPT, SPREAD));
            }
            var nodes = new TreeSet<String>();
            for (var i = 0; i < PODS; i++) {
                nodes.add(story.podIsReady("pod" + i).getSpec().getNodeName());
            }
            var took = System.nanoTime() - start;
            assertThat(nodes).containsExactly("node1", "node2");
            return TimeUnit.NANOSECONDS.toSeconds(took);
        }
    }
}
