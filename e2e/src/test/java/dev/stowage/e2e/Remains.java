package dev.stowage.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// What there is of both drivers' volumes: in Kubernetes, in the pools, and in the nodes' kernels.
/// All are sorted lists: two devices for one image are not the same as one.
///
/// @param claims all claims, as "name is Bound to PersistentVolume"
/// @param volumes ids by PersistentVolumes
/// @param attached names of PersistentVolumes by VolumeAttachments, which mode central has
/// @param images ids by the folders in the pools
/// @param unfinished what pools are building or erasing
/// @param loops ids by loop devices
/// @param staged ids by staging mounts, as the kubelet hashes them
/// @param published names of PersistentVolumes by pods' mounts
record Remains(
        List<String> claims,
        List<String> volumes,
        List<String> attached,
        List<String> images,
        List<String> unfinished,
        List<String> loops,
        List<String> staged,
        List<String> published) {

    private static final String CENTRAL = "central.csi.stowage.dev";
    private static final Set<String> DRIVERS = Set.of("csi.stowage.dev", CENTRAL);
    private static final List<String> NODES = List.of("node1", "node2");
    private static final List<String> POOLS = List.of("/var/lib/stowage/ssd", "/mnt/hdd/stowage");
    private static final String SHARED_POOL = "/mnt/shared/stowage";
    private static final String CLAIM = "%s is %s to %s";
    private static final Pattern ID = Pattern.compile("[a-z0-9-]+\\.[0-9a-f]{8}\\.v[0-9a-f]{32}");
    private static final Pattern UUID_START = Pattern.compile("\"uuid\"\\s*:\\s*\"([0-9a-f]{8})");
    private static final Pattern STAGED =
            Pattern.compile(
                    "/plugins/kubernetes\\.io/csi/(?:central\\.)?csi\\.stowage\\.dev/([0-9a-f]+)/globalmount ");
    private static final Pattern PUBLISHED =
            Pattern.compile("/pods/[^/]+/volumes/kubernetes\\.io~csi/([^/]+)/mount ");

    /// Waits until exactly these volumes are everywhere where they belong, mounted into a pod each,
    /// and nothing else is anywhere.
    static void areExactly(Cluster cluster, Set<PersistentVolume> mounted) throws Exception {
        var ids = sorted(mounted.stream().map(Remains::handle));
        var names = sorted(mounted.stream().map(volume -> volume.getMetadata().getName()));
        var wanted =
                new Remains(
                        sorted(mounted.stream().map(Remains::boundClaim)),
                        ids,
                        sorted(
                                mounted.stream()
                                        .filter(volume -> CENTRAL.equals(driver(volume)))
                                        .map(volume -> volume.getMetadata().getName())),
                        ids,
                        List.of(),
                        ids,
                        sorted(ids.stream().map(Remains::sha256)),
                        names);
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
    static String stagingPath(PersistentVolume volume) {
        return "/var/lib/kubelet/plugins/kubernetes.io/csi/%s/%s/globalmount"
                .formatted(driver(volume), sha256(handle(volume)));
    }

    private static Remains read(Cluster cluster) throws Exception {
        var images = new ArrayList<String>();
        var unfinished = new ArrayList<String>();
        var mounts = new StringBuilder();
        var tags = new TreeSet<String>();
        for (var node : NODES) {
            for (var pool : POOLS) {
                tags.add(readPool(cluster, node, pool, images, unfinished));
            }
            mounts.append(cluster.onNode(node, "cat", "/proc/self/mountinfo"));
        }
        // The same on both nodes.
        tags.add(readPool(cluster, "node1", SHARED_POOL, images, unfinished));
        // Loop devices are the machine's: others' too, of pools that are not ours.
        var backing =
                cluster.onNode(
                        "node1",
                        "sh",
                        "-c",
                        "cat /sys/block/loop*/loop/backing_file 2>/dev/null; true");
        return new Remains(
                claims(cluster),
                volumes(cluster),
                attached(cluster),
                sorted(images.stream()),
                sorted(unfinished.stream()),
                sorted(
                        find(ID, backing).stream()
                                .filter(id -> tags.contains(id.split("\\.", -1)[1]))),
                sorted(find(STAGED, mounts).stream()),
                sorted(find(PUBLISHED, mounts).stream()));
    }

    /// Adds what is in the pool; the part of its uuid that is in its volumes' ids.
    private static String readPool(
            Cluster cluster, String node, String pool, List<String> images, List<String> unfinished)
            throws Exception {
        images.addAll(lines(cluster.onNode(node, "ls", pool + "/volumes")));
        for (var folder : List.of("/.incoming", "/.trash")) {
            unfinished.addAll(lines(cluster.onNode(node, "ls", pool + folder)));
        }
        return find(UUID_START, cluster.onNode(node, "cat", pool + "/pool.json")).getFirst();
    }

    private static List<String> claims(Cluster cluster) {
        return sorted(
                cluster
                        .client()
                        .persistentVolumeClaims()
                        .inAnyNamespace()
                        .list()
                        .getItems()
                        .stream()
                        .map(
                                claim ->
                                        CLAIM.formatted(
                                                claim.getMetadata().getName(),
                                                claim.getStatus().getPhase(),
                                                claim.getSpec().getVolumeName())));
    }

    private static List<String> volumes(Cluster cluster) {
        return sorted(
                cluster.client().persistentVolumes().list().getItems().stream()
                        .filter(volume -> volume.getSpec().getCsi() != null)
                        .filter(volume -> DRIVERS.contains(driver(volume)))
                        .map(Remains::handle));
    }

    private static List<String> attached(Cluster cluster) {
        return sorted(
                cluster.client().storage().v1().volumeAttachments().list().getItems().stream()
                        .map(one -> one.getSpec().getSource().getPersistentVolumeName()));
    }

    private static String boundClaim(PersistentVolume volume) {
        return CLAIM.formatted(
                volume.getSpec().getClaimRef().getName(), "Bound", volume.getMetadata().getName());
    }

    private static String driver(PersistentVolume volume) {
        return volume.getSpec().getCsi().getDriver();
    }

    private static String handle(PersistentVolume volume) {
        return volume.getSpec().getCsi().getVolumeHandle();
    }

    private static List<String> sorted(Stream<String> texts) {
        return texts.sorted().toList();
    }

    /// The first group, or all, of each match.
    private static List<String> find(Pattern pattern, CharSequence text) {
        return pattern.matcher(text)
                .results()
                .map(match -> match.group(Math.min(1, match.groupCount())))
                .toList();
    }

    private static List<String> lines(String text) {
        return text.lines().filter(line -> !line.isBlank()).toList();
    }

    private static String sha256(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
