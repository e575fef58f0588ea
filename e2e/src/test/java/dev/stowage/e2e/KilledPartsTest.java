package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/// Story 8, second half: whatever is killed while claims and pods come and go, in the end
/// Kubernetes, the pools and the kernel agree.
class KilledPartsTest {
    private static final Duration STORM = Duration.ofMinutes(2);
    private static final Duration BETWEEN_KILLS = Duration.ofSeconds(4);

    /// Where each lane's pods run, and the classes that its claims have in turns. `java` is both
    /// drivers, and the central controller.
    private static final List<Lane> LANES =
            List.of(
                    new Lane("lane0", "node1", "ssd", "hdd"),
                    new Lane("lane1", "node2", "ssd", "hdd"),
                    new Lane("lane2", "node1", "ssd", "hdd"),
                    new Lane("lane3", "node2", "ssd", "hdd"),
                    new Lane("lane4", "node2", "shared", "shared"));

    /// A kubelet that ends between a volume's unpublish and its unstage forgets it (decision 009).
    private static final List<String> PROGRAMS =
            List.of(
                    "java",
                    "java",
                    "kubelet",
                    "csi-provisioner",
                    "csi-resizer",
                    "csi-attacher",
                    "containerd");

    private record Lane(String name, String node, String oddClass, String evenClass) {
        String turn(int number) {
            return "%s-%d".formatted(name, number);
        }
    }

    @Test
    void afterAStormOfKillsEverythingAgrees() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            Remains.areExactly(cluster, Set.of());
            var end = System.nanoTime() + STORM.toNanos();
            var lives = new ArrayList<Callable<Integer>>();
            for (var lane : LANES) {
                lives.add(() -> comeAndGo(story, lane, end));
            }
            var last = storm(cluster, lives, end);
            Driver.local(cluster).isRolledOut();
            Driver.central(cluster).isRolledOut();

            var kept = new HashSet<PersistentVolume>();
            for (var lane = 0; lane < LANES.size(); lane++) {
                var name = LANES.get(lane).turn(last.get(lane));
                assertThat(story.inPod(name, "cat", "/data/word")).isEqualTo(name + "\n");
                kept.add(story.volumeOf(name));
            }
            Remains.areExactly(cluster, kept);

            for (var lane = 0; lane < LANES.size(); lane++) {
                var name = LANES.get(lane).turn(last.get(lane));
                story.deletePod(name);
                story.deleteClaim(name);
            }
            Remains.areExactly(cluster, Set.of());
        }
    }

    /// The kubelet's try to unstage fails while somebody stands in the staged folder; then it is
    /// killed, and its next life does not know of the volume.
    @Test
    void aVolumeThatAKilledKubeletForgotIsDeletedAllTheSame() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            story.apply(Manifests.claim("data", "ssd", "320Mi"));
            story.apply(Manifests.pod("one", "data", "node1", "exec sleep infinity"));
            story.podIsReady("one");
            var volume = story.volumeOf("data");
            var staged = Remains.stagingPath(volume);
            var standing = standIn(cluster, staged);
            try {
                story.deletePod("one");
                assertThat(cluster.kill("node1", "kubelet")).isEqualTo(1);
            } finally {
                cluster.onNode("node1", "kill", standing);
                cluster.command("start-node", "node1");
            }
            assertThat(cluster.onNode("node1", "cat", "/proc/self/mountinfo")).contains(staged);
            story.deleteClaim("data");
            story.volumeBecomes(volume.getMetadata().getName(), Objects::isNull);
            assertThat(Driver.local(cluster).log("node1"))
                    .contains(volume.getSpec().getCsi().getVolumeHandle() + " was unstaged");
            Remains.areExactly(cluster, Set.of());
        }
    }

    /// Starts a process that has the folder as its own; its pid there.
    private static String standIn(Cluster cluster, String folder) throws Exception {
        var script = "cd %s && { sleep 600 >/dev/null 2>&1 & echo $!; }".formatted(folder);
        return cluster.onNode("node1", "sh", "-c", script).strip();
    }

    /// Kills until the end, while the lives run; what each of them returned.
    private static List<Integer> storm(Cluster cluster, List<Callable<Integer>> lives, long end)
            throws Exception {
        var seed = new Random().nextLong();
        var random = new Random(seed);
        var hits = new TreeMap<String, Integer>();
        try (var threads = Executors.newFixedThreadPool(lives.size())) {
            var running = new ArrayList<Future<Integer>>();
            lives.forEach(life -> running.add(threads.submit(life)));
            while (System.nanoTime() < end) {
                var round = new ArrayList<>(PROGRAMS);
                Collections.shuffle(round, random);
                for (var program : round) {
                    Thread.sleep(BETWEEN_KILLS.toMillis());
                    hits.merge(program, kill(cluster, program, random), Integer::sum);
                }
            }
            var results = new ArrayList<Integer>();
            for (var life : running) {
                results.add(life.get());
            }
            System.out.printf("killed %s with seed %d, volumes used: %s%n", hits, seed, results);
            assertThat(hits)
                    .containsOnlyKeys(PROGRAMS)
                    .allSatisfy((_, hit) -> assertThat(hit).isPositive());
            return results;
        }
    }

    /// On one node, or the other if it does not run there now; how many processes it hit.
    private static int kill(Cluster cluster, String program, Random random) throws Exception {
        var nodes = new ArrayList<>(List.of("node1", "node2"));
        Collections.shuffle(nodes, random);
        for (var node : nodes) {
            var hit = cluster.kill(node, program);
            cluster.command("start-node", node);
            if (hit > 0) {
                return hit;
            }
        }
        return 0;
    }

    /// One claim and its pod after the other; those that live when time is up stay.
    private static int comeAndGo(Story story, Lane lane, long end) throws Exception {
        for (var turn = 1; ; turn++) {
            var name = lane.turn(turn);
            var storageClass = turn % 2 == 0 ? lane.evenClass() : lane.oddClass();
            story.apply(Manifests.claim(name, storageClass, "320Mi"));
            story.apply(
                    Manifests.pod(
                            name,
                            name,
                            lane.node(),
                            "echo %s >/data/word && sync && exec sleep infinity".formatted(name)));
            story.podIsReady(name);
            if (System.nanoTime() > end) {
                return turn;
            }
            story.deletePod(name);
            story.deleteClaim(name);
        }
    }
}
