package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import org.junit.jupiter.api.Test;

/// Story 7, second part: what pods do with their volumes; and the examples that no other story
/// tells.
class PodVolumesTest {
    private static final String NOT_ROOT =
            """
            apiVersion: v1
            kind: Pod
            metadata: {name: user}
            spec:
              terminationGracePeriodSeconds: 0
              securityContext:
                {runAsUser: 1234, runAsGroup: 1234, fsGroup: 4321, fsGroupChangePolicy: OnRootMismatch}
              containers:
                - name: shell
                  image: busybox:1.37
                  command: [sh, -c, exec sleep infinity]
                  volumeMounts:
                    - {name: data, mountPath: /data}
                    - {name: data, mountPath: /part, subPath: a/part}
                    - {name: own, mountPath: /own}
              volumes:
                - {name: data, persistentVolumeClaim: {claimName: data}}
                - {name: own, persistentVolumeClaim: {claimName: own}}
            """;

    private static final String CLASS =
            """
            apiVersion: storage.k8s.io/v1
            kind: StorageClass
            metadata: {name: %s}
            provisioner: csi.stowage.dev
            volumeBindingMode: WaitForFirstConsumer
            mountOptions: [%s]
            parameters: {pool: ssd}
            """;

    @Test
    void aPodThatIsNotRootWritesWithItsGroupAndItsMountOptions() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            try {
                story.apply(CLASS.formatted("own-options", "noatime, allocsize=1m"));
                story.apply(CLASS.formatted("bad-options", "suid"));
                story.apply(Manifests.claim("data", "ssd", "400Mi"));
                story.apply(Manifests.claim("own", "own-options", "400Mi"));
                story.apply(Manifests.claim("bad", "bad-options", "400Mi"));
                story.apply(NOT_ROOT);
                story.apply(Manifests.pod("bad", "bad", "", "exec sleep infinity"));
                story.podIsReady("user");

                story.inPod("user", "sh", "-c", "echo mine > /data/word; echo more > /part/word");
                assertThat(story.inPod("user", "stat", "-c", "%u:%g %a", "/data/word", "/data"))
                        .isEqualTo("1234:4321 644\n0:4321 2775\n");
                assertThat(story.inPod("user", "cat", "/data/a/part/word")).isEqualTo("more\n");
                assertThat(story.inPod("user", "grep", " /own ", "/proc/mounts"))
                        .contains(" xfs ", "noatime", "allocsize=1024k", "nosuid", "nodev");
                Events.tell(story, "bad", "mount option 'suid'");

                // The root has its group already: OnRootMismatch leaves the files as they are.
                story.inPod("user", "chmod", "600", "/data/word");
                story.deletePod("user");
                story.apply(NOT_ROOT);
                story.podIsReady("user");
                assertThat(story.inPod("user", "stat", "-c", "%a", "/data/word"))
                        .isEqualTo("600\n");
            } finally {
                for (var name : new String[] {"own-options", "bad-options"}) {
                    cluster.client().storage().v1().storageClasses().withName(name).delete();
                }
            }
        }
    }

    @Test
    void theExamplesDoWhatTheySay() throws Exception {
        try (var cluster = Cluster.open();
                var story = Story.begin(cluster)) {
            var dynamic = Examples.read("dynamic.yaml");
            var raw = Examples.read("raw-block.yaml");
            story.apply(dynamic);
            story.apply(raw);
            story.apply(Examples.read("ephemeral.yaml"));
            story.podIsReady("clock");
            story.podIsReady("raw");
            story.podIsReady("scratch");

            var scratch = story.volumeOf("scratch-scratch").getMetadata().getName();
            assertThat(story.inPod("scratch", "df", "-k", "/scratch")).contains("/scratch");
            story.deletePod("scratch");
            story.volumeBecomes(scratch, Objects::isNull);

            assertThat(story.volumeOf("on-default").getSpec().getStorageClassName())
                    .isEqualTo("ssd");
            assertThat(story.volumeOf("on-hdd").getSpec().getStorageClassName()).isEqualTo("hdd");
            var times = firstLine(story, "clock", "/large/times");
            var written = firstLine(story, "raw", "/dev/data");
            story.deletePod("clock");
            story.deletePod("raw");
            story.apply(dynamic);
            story.apply(raw.replace("date | dd of=/dev/data conv=fsync && ", ""));
            story.podIsReady("clock");
            story.podIsReady("raw");
            assertThat(firstLine(story, "clock", "/large/times")).isEqualTo(times);
            assertThat(firstLine(story, "clock", "/fast/times")).isEqualTo(times);
            assertThat(firstLine(story, "raw", "/dev/data")).isEqualTo(written);
        }
    }

    private static String firstLine(Story story, String pod, String file) throws Exception {
        var line = story.inPod(pod, "head", "-n", "1", file);
        assertThat(line).isNotBlank();
        return line;
    }
}
