package dev.stowage.backend.file;

import dev.stowage.linux.Command;
import dev.stowage.testing.Guest;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/// Runs in a guest whose kernel has project quotas: pools in folders with one. Tells what they
/// offer; [GuestQuotasTest] judges.
final class GuestQuotas {
    private static final long MIB = 1L << 20;
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final Path FOLDER = Path.of("/mnt");

    /// The quota: 200 MiB and 128 inodes.
    private static final String MOUNT =
            """
            set -e
            truncate -s 1G /mnt/%1$s.img
            %2$s /mnt/%1$s.img
            mkdir /mnt/%1$s
            modprobe %1$s
            mount -o loop,prjquota /mnt/%1$s.img /mnt/%1$s
            mkdir /mnt/%1$s/limited
            xfs_quota -f -x -c 'project -s -p /mnt/%1$s/limited 7' /mnt/%1$s
            xfs_quota -f -x -c 'limit -p bhard=200m ihard=128 7' /mnt/%1$s
            """;

    private static final Map<String, String> MKFS =
            Map.of(
                    "ext4", "mkfs.ext4 -q -F -O quota,project -E quotatype=prjquota",
                    "xfs", "mkfs.xfs -q");

    private GuestQuotas() {}

    public static void main(String[] arguments) throws Exception {
        var _ = Command.run(List.of("sh", "-c", "modprobe -a quota_v2 || true"), LIMIT);
        for (var kind : MKFS.entrySet()) {
            var script = MOUNT.formatted(kind.getKey(), kind.getValue());
            var _ = Command.run(List.of("sh", "-c", script), LIMIT);
            tellOf(kind.getKey());
        }
        System.exit(0);
    }

    private static void tellOf(String kind) throws Exception {
        var state = Files.createDirectory(FOLDER.resolve("state-" + kind));
        try (var pool = new TestPool(FOLDER.resolve(kind + "/limited/pool"), state, true)) {
            var backend = pool.open(pool.settings("test", 100), TestPool.NODE);
            Guest.tell(kind + " offered", offered(backend));
            make(backend, "thick", 128 * MIB);
            Guest.tell(kind + " left", offered(backend));
            for (var i = 0; backend.capacity(Provisioning.THIN).largestVolumeBytes() > 0; i++) {
                var name = "thin" + i;
                var id = VolumeId.of(backend.pool(), name);
                var _ = backend.create(id, Specs.thin(name, MIB));
            }
            try {
                make(backend, "more", MIB);
                Guest.tell(kind + " refused", "not at all");
            } catch (VolumeException e) {
                Guest.tell(kind + " refused", e.reason() + " " + e.getMessage());
            }
            Guest.tell(
                    kind + " faults", backend.conditions().stream().map(Condition::fault).toList());
        }
    }

    private static void make(FileBackend backend, String name, long bytes) throws IOException {
        var id = VolumeId.of(backend.pool(), name);
        var _ = backend.create(id, Specs.thick(name, bytes));
    }

    private static long offered(FileBackend backend) throws IOException {
        return backend.capacity(Provisioning.THICK).largestVolumeBytes() / MIB;
    }
}
