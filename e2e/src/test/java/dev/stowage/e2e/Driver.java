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

    /// Replaces all pods of the DaemonSet, one node after the other.
    void restart() throws Exception {
        cluster.command("kubectl", "-n", NAMESPACE, "rollout", "restart", daemonSet());
        isRolledOut();
    }

    void isRolledOut() throws Exception {
        var limit = "--timeout=" + PATIENCE.toSeconds() + "s";
        cluster.command("kubectl", "-n", NAMESPACE, "rollout", "status", daemonSet(), limit);
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

    List<Pod> pods() {
        return cluster.client()
                .pods()
                .inNamespace(NAMESPACE)
                .withLabel("app.kubernetes.io/instance", release)
                .withLabel("app.kubernetes.io/component", "node")
                .list()
                .getItems();
    }

    private String daemonSet() {
        return "daemonset/%s-node".formatted(fullName());
    }

    private String fullName() {
        return release.contains("stowage") ? release : release + "-stowage";
    }
}
