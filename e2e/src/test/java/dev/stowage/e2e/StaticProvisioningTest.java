package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/// Story 2: a volume that was there before, from examples/static.yaml.
class StaticProvisioningTest {
    private static final String POOL = "/var/lib/stowage/ssd";
    private static final String IMAGE = "/var/lib/stowage/orders.img";

    /// A disk image as somebody else made it; prints the file system's uuid.
    private static final String MAKE_IMAGE =
            """
            set -e
            mkdir /tmp/orders
            echo remembered >/tmp/orders/word
            truncate --size 5G %1$s
            mkfs.ext4 -q -F -d /tmp/orders %1$s
            rm -r /tmp/orders
            """
                    .formatted(IMAGE);

    @Test
    void anImportedDiskIsFoundByItsLabelsAndNeverFormatted() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            cluster.onNode("node1", "sh", "-c", MAKE_IMAGE);
            var uuid = uuid(cluster, IMAGE);
            var printed =
                    new PoolTool(cluster, Driver.local(cluster), "node1")
                            .importVolume(
                                    IMAGE, "--pool=ssd", "--name=orders", "--provisioning=thin");
            cluster.onNode("node1", "rm", IMAGE);
            var id = printed.getSpec().getCsi().getVolumeHandle();
            var example = example(story, printed);
            var volume = cluster.client().resource((PersistentVolume) example.getFirst());
            try {
                volume.serverSideApply();
                nothingElseBinds(story);
                story.apply(example.get(1));
                story.apply(example.get(2));
                assertThat(story.podIsReady("orders").getSpec().getNodeName()).isEqualTo("node1");
                assertThat(story.volumeOf("orders").getMetadata().getName()).isEqualTo("orders");
                assertThat(story.inPod("orders", "cat", "/orders/word")).isEqualTo("remembered\n");
                assertThat(uuid(cluster, image(id))).isEqualTo(uuid);
                story.deletePod("orders");

                story.deleteClaim("orders");
                story.volumeBecomes("orders", now -> isIn("Released", now));
                assertThat(cluster.onNode("node1", "ls", POOL + "/volumes")).contains(id);
            } finally {
                volume.edit(
                        now -> {
                            now.getSpec().setPersistentVolumeReclaimPolicy("Delete");
                            return now;
                        });
            }
            // Its owner said so just now.
            story.volumeBecomes("orders", Objects::isNull);
            assertThat(cluster.onNode("node1", "ls", POOL + "/volumes")).doesNotContain(id);
        }
    }

    /// The example with what the import printed in its place.
    private static List<HasMetadata> example(Story story, PersistentVolume printed)
            throws Exception {
        var objects = story.read(Examples.read("static.yaml"));
        var volume = ((PersistentVolume) objects.getFirst()).getSpec();
        var imported = printed.getSpec();
        assertThat(imported.getCapacity()).isEqualTo(volume.getCapacity());
        assertThat(imported.getCsi().getDriver()).isEqualTo(volume.getCsi().getDriver());
        assertThat(imported.getCsi().getFsType()).isEqualTo(volume.getCsi().getFsType());
        volume.getCsi().setVolumeHandle(imported.getCsi().getVolumeHandle());
        volume.setNodeAffinity(imported.getNodeAffinity());
        return objects;
    }

    /// Claims that want this volume, but larger, of another class, for another use, or with other
    /// labels. There is no class of that name: claims of a delayed one are not looked at before a
    /// pod wants them.
    private static void nothingElseBinds(Story story) throws Exception {
        story.apply(claim("larger", "", "ReadWriteOnce", "6Gi"));
        story.apply(claim("of-a-class", "antique", "ReadWriteOnce", "1Gi"));
        story.apply(claim("for-many", "", "ReadWriteMany", "1Gi"));
        story.apply(
                claim("of-bills", "", "ReadWriteOnce", "1Gi")
                        .replace("{data: orders}", "{data: bills}"));
        Events.tell(story, "larger", "no persistent volumes available");
        Events.tell(story, "of-a-class", "\"antique\" not found");
        Events.tell(story, "for-many", "no persistent volumes available");
        Events.tell(story, "of-bills", "no persistent volumes available");
        story.volumeBecomes("orders", now -> isIn("Available", now));
    }

    private static String claim(String name, String storageClass, String mode, String size) {
        return """
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: {name: %s}
        spec:
          storageClassName: "%s"
          selector: {matchLabels: {data: orders}}
          accessModes: [%s]
          resources: {requests: {storage: %s}}
        """
                .formatted(name, storageClass, mode, size);
    }

    private static boolean isIn(String phase, PersistentVolume volume) {
        return volume != null && phase.equals(volume.getStatus().getPhase());
    }

    private static String image(String id) {
        return "%s/volumes/%s/image".formatted(POOL, id);
    }

    private static String uuid(Cluster cluster, String image) throws Exception {
        var uuid = cluster.onNode("node1", "blkid", "-p", "-s", "UUID", "-o", "value", image);
        assertThat(uuid).isNotBlank();
        return uuid;
    }
}
