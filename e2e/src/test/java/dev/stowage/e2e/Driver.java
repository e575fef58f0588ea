package dev.stowage.e2e;

import io.fabric8.kubernetes.api.model.Pod;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// The releases of the chart in the cluster.
record Driver(Cluster cluster, String release) {
    static final String NAMESPACE = "stowage";
    static final String CHART = "deploy/helm/stowage";
    private static final String WORKLOADS = "daemonsets,statefulsets";
    private static final Duration PATIENCE = Duration.ofMinutes(4);

    static Driver local(Cluster cluster) {
        return new Driver(cluster, "stowage");
    }

    static Driver central(Cluster cluster) {
        return new Driver(cluster, "stowage-central");
    }

    /// `helm VERB RELEASE MORE...`, in the driver's namespace.
    String helm(String verb, String... more) throws IOException, InterruptedException {
        var words =
                Stream.concat(
                        Stream.of("helm", verb, release, "--namespace", NAMESPACE),
                        Arrays.stream(more));
        return cluster.command(words.toArray(String[]::new));
    }

    /// Replaces all its pods, one node after the other.
    void restart() throws Exception {
        rollout("restart");
        isRolledOut();
    }

    void isRolledOut() throws Exception {
        rollout("status", "--timeout=" + PATIENCE.toSeconds() + "s");
    }

    private void rollout(String verb, String... more) throws Exception {
        var words =
                Stream.concat(
                        Stream.of(
                                "kubectl",
                                "-n",
                                NAMESPACE,
                                "rollout",
                                verb,
                                WORKLOADS,
                                "-l",
                                instance()),
                        Arrays.stream(more));
        cluster.command(words.toArray(String[]::new));
    }

    private String instance() {
        return "app.kubernetes.io/instance=" + release;
    }

    /// The node's pod.
    Pod podOn(String node) {
        return pods().stream()
                .filter(pod -> Objects.equals(pod.getSpec().getNodeName(), node))
                .findFirst()
                .orElseThrow();
    }

    /// What the driver on the node has said since its pod was made.
    String log(String node) {
        return cluster.client().pods().resource(podOn(node)).inContainer("driver").getLog();
    }

    /// Where the controller of mode central runs.
    String controllerNode() {
        var pod = fullName() + "-controller-0";
        var pods = cluster.client().pods().inNamespace(NAMESPACE);
        return pods.withName(pod).require().getSpec().getNodeName();
    }

    /// The nodes' pods.
    List<Pod> pods() {
        return allPods().stream()
                .filter(
                        pod ->
                                "node"
                                        .equals(
                                                pod.getMetadata()
                                                        .getLabels()
                                                        .get("app.kubernetes.io/component")))
                .toList();
    }

    /// Those, and the controller's in mode central.
    List<Pod> allPods() {
        var pods = cluster.client().pods().inNamespace(NAMESPACE);
        return pods.withLabelSelector(instance()).list().getItems();
    }

    private String fullName() {
        return release.contains("stowage") ? release : release + "-stowage";
    }
}
