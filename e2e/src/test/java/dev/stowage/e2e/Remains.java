package dev.stowage.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// What there is of the local driver's volumes: in Kubernetes, in the pools, and in the nodes'
/// kernels.
///
/// @param volumes ids by PersistentVolumes
/// @param images ids by the folders in the pools
/// @param unfinished what pools are building or erasing
/// @param loops ids by loop devices
/// @param staged ids by staging mounts, as the kubelet hashes them
/// @param published names of PersistentVolumes by pods' mounts
record Remains(
        Set<String> volumes,
        Set<String> images,
        Set<String> unfinished,
        Set<String> loops,
        Set<String> staged,
        Set<String> published) {

    private static final String DRIVER = "csi.stowage.dev";
    private static final List<String> NODES = List.of("node1", "node2");
    private static final List<String> POOLS = List.of("/var/lib/stowage/ssd", "/mnt/hdd/stowage");
    private static final Pattern ID = Pattern.compile("[a-z0-9-]+\\.[0-9a-f]{8}\\.v[0-9a-f]{32}");
    private static final Pattern UUID_START = Pattern.compile("\"uuid\"\\s*:\\s*\"([0-9a-f]{8})");
    private static final Pattern STAGED =
            Pattern.compile("/plugins/kubernetes\\.io/csi/csi\\.stowage\\.dev/([0-9a-f]+)/globalmount ");
    private static final Pattern PUBLISHED =
            Pattern.compile("/pods/[^/]+/volumes/kubernetes\\.io~csi/([^/]+)/mount ");

    /// Waits until exactly these volumes are everywhere where they belong, mounted into a pod each,
    /// and nothing else is anywhere.
    static void areExactly(Cluster cluster, Set<PersistentVolume> mounted) throws Exception {
        var ids =
                mounted.stream()
                        .map(volume -> volume.getSpec().getCsi().getVolumeHandle())
                        .collect(Collectors.toCollection(TreeSet::new));
        var names =
                mounted.stream()
                        .map(volume -> volume.getMetadata().getName())
                        .collect(Collectors.toCollection(TreeSet::new));
        var hashes = new TreeSet<String>();
        for (var id : ids) {
            hashes.add(sha256(id));
        }
        var wanted = new Remains(ids, ids, Set.of(), ids, hashes, names);
        var last = new Remains[1];
        try {
            Polling.until(
                    Duration.ofMinutes(4),
                    () -> {
                        last[0] = read(cluster);
                        return wanted.equals(last[0]);
                    },
                    "everything agrees");
        } catch (AssertionError e) {
            throw new AssertionError("wanted %s, found %s".formatted(wanted, last[0]), e);
        }
    }

    /// Where the kubelet has the volume staged.
    static String stagingPath(PersistentVolume volume) throws Exception {
        return "/var/lib/kubelet/plugins/kubernetes.io/csi/%s/%s/globalmount"
                .formatted(DRIVER, sha256(volume.getSpec().getCsi().getVolumeHandle()));
    }

    private static Remains read(Cluster cluster) throws Exception {
        var volumes =
                cluster.client().persistentVolumes().list().getItems().stream()
                        .filter(volume -> volume.getSpec().getCsi() != null)
                        .filter(volume -> DRIVER.equals(volume.getSpec().getCsi().getDriver()))
                        .map(volume -> volume.getSpec().getCsi().getVolumeHandle())
                        .collect(Collectors.toCollection(TreeSet::new));
        var found =
                new Remains(
                        volumes,
                        new TreeSet<>(),
                        new TreeSet<>(),
                        new TreeSet<>(),
                        new TreeSet<>(),
                        new TreeSet<>());
        var tags = new TreeSet<String>();
        for (var node : NODES) {
            for (var pool : POOLS) {
                tags.add(find(UUID_START, cluster.onNode(node, "cat", pool + "/pool.json")).getFirst());
                found.images.addAll(lines(cluster.onNode(node, "ls", pool + "/volumes")));
                for (var folder : List.of("/.incoming", "/.trash")) {
                    found.unfinished.addAll(lines(cluster.onNode(node, "ls", pool + folder)));
                }
            }
            var mounts = cluster.onNode(node, "cat", "/proc/self/mountinfo");
            found.staged.addAll(find(STAGED, mounts));
            found.published.addAll(find(PUBLISHED, mounts));
        }
        // Loop devices are the machine's: others' too, of pools that are not ours.
        var backing =
                cluster.onNode(
                        "node1", "sh", "-c", "cat /sys/block/loop*/loop/backing_file 2>/dev/null; true");
        find(ID, backing).stream()
                .filter(id -> tags.contains(id.split("\\.", -1)[1]))
                .forEach(found.loops::add);
        return found;
    }

    /// The first group, or all, of each match.
    private static List<String> find(Pattern pattern, String text) {
        return pattern.matcher(text)
                .results()
                .map(match -> match.group(Math.min(1, match.groupCount())))
                .toList();
    }

    private static List<String> lines(String text) {
        return text.lines().filter(line -> !line.isBlank()).toList();
    }

    private static String sha256(String text) throws Exception {
        return HexFormat.of()
                .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8)));
    }
}
