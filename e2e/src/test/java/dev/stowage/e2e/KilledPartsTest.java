package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/// Story 8, second half: whatever is killed while claims and pods come and go, in the end
/// Kubernetes, the pools and the kernel agree.
class KilledPartsTest {
    private static final Duration STORM = Duration.ofMinutes(2);
    private static final Duration BETWEEN_KILLS = Duration.ofSeconds(4);
    private static final int LANES = 4;

    /// A kubelet that ends between a volume's unpublish and its unstage forgets it (decision 009).
    private static final List<String> PROGRAMS =
            List.of("java", "java", "kubelet", "csi-provisioner", "csi-resizer", "containerd");

    @Test
    void afterAStormOfKillsEverythingAgrees() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            Remains.areExactly(cluster, Set.of());
            var end = System.nanoTime() + STORM.toNanos();
            var lives = new ArrayList<Callable<Integer>>();
            for (var lane = 0; lane < LANES; lane++) {
                var name = "lane" + lane;
                var node = lane % 2 == 0 ? "node1" : "node2";
                lives.add(() -> comeAndGo(story, name, node, end));
            }
            var last = storm(cluster, lives, end);
            Driver.local(cluster).isRolledOut();

            var kept = new HashSet<PersistentVolume>();
            for (var lane = 0; lane < LANES; lane++) {
                var name = "lane%d-%d".formatted(lane, last.get(lane));
                assertThat(story.inPod(name, "cat", "/data/word")).isEqualTo(name + "\n");
                kept.add(story.volumeOf(name));
            }
            Remains.areExactly(cluster, kept);

            for (var lane = 0; lane < LANES; lane++) {
                var name = "lane%d-%d".formatted(lane, last.get(lane));
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
                cluster.command("kill", "node1", "kubelet");
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
        var kills = 0;
        try (var threads = Executors.newFixedThreadPool(lives.size())) {
            var running = new ArrayList<Future<Integer>>();
            lives.forEach(life -> running.add(threads.submit(life)));
            for (; System.nanoTime() < end; kills++) {
                Thread.sleep(BETWEEN_KILLS.toMillis());
                var node = random.nextBoolean() ? "node1" : "node2";
                var program = PROGRAMS.get(random.nextInt(PROGRAMS.size()));
                cluster.command("kill", node, program);
                cluster.command("start-node", node);
            }
            var results = new ArrayList<Integer>();
            for (var life : running) {
                results.add(life.get());
            }
            System.out.printf("%d kills with seed %d, volumes used: %s%n", kills, seed, results);
            return results;
        }
    }

    /// One claim and its pod after the other; those that live when time is up stay.
    private static int comeAndGo(Story story, String lane, String node, long end) throws Exception {
        for (var turn = 1; ; turn++) {
            var name = "%s-%d".formatted(lane, turn);
            story.apply(Manifests.claim(name, turn % 2 == 0 ? "hdd" : "ssd", "320Mi"));
            story.apply(
                    Manifests.pod(
                            name,
                            name,
                            node,
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
