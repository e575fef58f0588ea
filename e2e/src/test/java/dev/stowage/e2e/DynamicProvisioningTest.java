package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// Story 1: a claim without a class, a pod that writes, another that reads; what becomes of the
/// volume when its claim is deleted.
@TestInstance(TestInstance.Lifecycle.PER_CLASS) // one connection for all
class DynamicProvisioningTest {

    private static final String VOLUMES = "/var/lib/stowage/ssd/volumes";

    private Cluster cluster;
    private Story story;

    @BeforeAll
    void openCluster() throws Exception {
        cluster = Cluster.open();
    }

    @AfterAll
    void closeCluster() {
        cluster.close();
    }

    @BeforeEach
    void beginStory() {
        story = Story.begin(cluster);
    }

    @AfterEach
    void endStory() {
        story.close();
    }

    @Test
    void anotherPodReadsWhatTheFirstWroteToAClaimWithoutAClass() throws Exception {
        story.apply(claim("data", ""));
        story.apply(pod("writer", "data"));
        story.podIsReady("writer");
        story.inPod("writer", "sh", "-c", "echo remembered > /data/word && sync");
        assertThat(story.volumeOf("data").getSpec().getStorageClassName()).isEqualTo("ssd");

        story.deletePod("writer");
        story.apply(pod("reader", "data"));
        story.podIsReady("reader");

        assertThat(story.inPod("reader", "cat", "/data/word")).isEqualTo("remembered\n");
    }

    @Test
    void aDeletedClaimTakesItsVolumeAndItsFilesAlong() throws Exception {
        story.apply(claim("data", ""));
        story.apply(pod("user", "data"));
        var node = story.podIsReady("user").getSpec().getNodeName();
        var volume = story.volumeOf("data");
        assertThat(volumesOn(node)).contains(handle(volume));

        story.deletePod("user");
        story.deleteClaim("data");
        story.volumeBecomes(volume.getMetadata().getName(), now -> now == null);

        assertThat(volumesOn(node)).doesNotContain(handle(volume));
    }

    @Test
    void aRetainedVolumeIsReleasedAndCanBeBoundAgainByHand() throws Exception {
        story.apply(claim("data", ""));
        story.apply(pod("writer", "data"));
        story.podIsReady("writer");
        story.inPod("writer", "sh", "-c", "echo remembered > /data/word && sync");
        var name = keep(story.volumeOf("data"), "Retain");
        story.deletePod("writer");

        story.deleteClaim("data");
        story.volumeBecomes(name, now -> now != null && isIn("Released", now));

        // What the administrator does: take the old claim's name off, and let a new claim ask for
        // this volume.
        cluster.client()
                .persistentVolumes()
                .withName(name)
                .edit(
                        volume -> {
                            volume.getSpec().setClaimRef(null);
                            return volume;
                        });
        story.volumeBecomes(name, now -> now != null && isIn("Available", now));
        story.apply(claim("again", "volumeName: " + name));
        story.apply(pod("reader", "again"));
        story.podIsReady("reader");

        assertThat(story.inPod("reader", "cat", "/data/word")).isEqualTo("remembered\n");
        assertThat(keep(story.volumeOf("again"), "Delete")).isEqualTo(name);
        story.deletePod("reader");
        story.deleteClaim("again");
        story.volumeBecomes(name, now -> now == null);
    }

    private String volumesOn(String node) throws Exception {
        return cluster.onNode(node, "ls", VOLUMES);
    }

    /// Says what becomes of the volume without its claim; returns its name.
    private String keep(PersistentVolume volume, String policy) {
        cluster.client()
                .resource(volume)
                .edit(
                        now -> {
                            now.getSpec().setPersistentVolumeReclaimPolicy(policy);
                            return now;
                        });
        return volume.getMetadata().getName();
    }

    private static boolean isIn(String phase, PersistentVolume volume) {
        return phase.equals(volume.getStatus().getPhase());
    }

    private static String handle(PersistentVolume volume) {
        return volume.getSpec().getCsi().getVolumeHandle();
    }

    private static String claim(String name, String more) {
        return """
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: {name: %s}
        spec:
          accessModes: [ReadWriteOnce]
          resources: {requests: {storage: 400Mi}}
          %s
        """
                .formatted(name, more);
    }

    private static String pod(String name, String claim) {
        return """
        apiVersion: v1
        kind: Pod
        metadata: {name: %s}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
            - name: shell
              image: busybox:1.37
              command: [sleep, infinity]
              volumeMounts: [{name: data, mountPath: /data}]
          volumes: [{name: data, persistentVolumeClaim: {claimName: %s}}]
        """
                .formatted(name, claim);
    }
}
