package dev.stowage.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// What one test does, in a namespace of its own. When the test ends the namespace goes, and so
/// must all volumes that its claims had.
final class Story implements AutoCloseable {

    /// Far more than anything takes here; a test that waits so long has failed.
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final KubernetesClient client;
    private final String namespace;

    private Story(KubernetesClient client, String namespace) {
        this.client = client;
        this.namespace = namespace;
    }

    static Story begin(Cluster cluster) {
        var client = cluster.client();
        var wanted =
                new NamespaceBuilder().withNewMetadata().withGenerateName("story-").endMetadata();
        var made = client.namespaces().resource(wanted.build()).create();
        return new Story(client, made.getMetadata().getName());
    }

    KubernetesClient client() {
        return client;
    }

    String namespace() {
        return namespace;
    }

    /// `kubectl apply -f -`.
    void apply(String manifest) {
        read(manifest).forEach(this::apply);
    }

    void apply(HasMetadata object) {
        client.resource(object).inNamespace(namespace).serverSideApply();
    }

    /// The objects of a manifest.
    List<HasMetadata> read(String manifest) {
        return client.load(new ByteArrayInputStream(manifest.getBytes(UTF_8))).items();
    }

    Pod podIsReady(String name) {
        return client.pods()
                .inNamespace(namespace)
                .withName(name)
                .waitUntilReady(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    void deletePod(String name) {
        var pod = client.pods().inNamespace(namespace).withName(name);
        pod.delete();
        pod.waitUntilCondition(gone -> gone == null, PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    /// What the command printed in the pod's first container; its exit code must be 0.
    String inPod(String name, String... command) throws Exception {
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        try (var exec =
                client.pods()
                        .inNamespace(namespace)
                        .withName(name)
                        .writingOutput(out)
                        .writingError(err)
                        .exec(command)) {
            var code = exec.exitCode().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            if (code != 0) {
                throw new AssertionError(
                        "%s ended with %d: %s".formatted(List.of(command), code, err));
            }
        }
        return out.toString(UTF_8);
    }

    /// The volume that the claim is bound to.
    PersistentVolume volumeOf(String claim) {
        var bound =
                client.persistentVolumeClaims()
                        .inNamespace(namespace)
                        .withName(claim)
                        .waitUntilCondition(
                                now -> now != null && "Bound".equals(now.getStatus().getPhase()),
                                PATIENCE.toSeconds(),
                                TimeUnit.SECONDS);
        return client.persistentVolumes().withName(bound.getSpec().getVolumeName()).require();
    }

    void deleteClaim(String name) {
        client.persistentVolumeClaims().inNamespace(namespace).withName(name).delete();
    }

    /// Waits until the volume, null when it is gone, is as wanted.
    void volumeBecomes(String name, Predicate<@Nullable PersistentVolume> wanted) {
        client.persistentVolumes()
                .withName(name)
                .waitUntilCondition(wanted::test, PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        var mine = client.namespaces().withName(namespace);
        mine.delete();
        mine.waitUntilCondition(gone -> gone == null, PATIENCE.toSeconds(), TimeUnit.SECONDS);
        client.persistentVolumes().list().getItems().stream()
                .filter(this::goesWithItsClaim)
                .map(volume -> volume.getMetadata().getName())
                .forEach(name -> volumeBecomes(name, Objects::isNull));
    }

    private boolean goesWithItsClaim(PersistentVolume volume) {
        var claim = volume.getSpec().getClaimRef();
        return claim != null
                && namespace.equals(claim.getNamespace())
                && "Delete".equals(volume.getSpec().getPersistentVolumeReclaimPolicy());
    }
}
