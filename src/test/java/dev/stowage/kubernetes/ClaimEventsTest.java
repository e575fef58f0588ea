package dev.stowage.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.TestFolder;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

@ExtendWith(NothingLeftBehind.class)
class ClaimEventsTest {
    private static final String DRIVER = "csi.stowage.dev";
    private static final String CLAIMS = "GET /api/v1/persistentvolumeclaims";
    private static final String GIB = "" + (1L << 30);

    /// The first moment of an even turn: node1's, of two.
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

    private static Path key;
    private static Path otherKey;

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private final Logger logger = (Logger) LoggerFactory.getLogger(ClaimEvents.class);
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private TestApi api;

    @BeforeAll
    static void makeKeys(@TempDir(factory = TestFolder.class) Path keys) throws Exception {
        key = TestApi.makeKey(keys.resolve("one.p12"));
        otherKey = TestApi.makeKey(keys.resolve("other.p12"));
    }

    @BeforeEach
    void serve() throws Exception {
        log.start();
        logger.setLevel(Level.INFO);
        logger.addAppender(log);
        api = new TestApi(folder, key);
        storageClass("ssd", DRIVER, "WaitForFirstConsumer");
        capacity("ssd", "node1", "3Gi");
        capacity("ssd", "node2", "5476083302");
    }

    @AfterEach
    void end() {
        api.close();
        logger.setLevel(null);
        logger.detachAppender(log);
    }

    @Test
    void aClaimThatFitsOnNoNodeIsToldHowMuchIsFreeOnEach() throws Exception {
        claim("big", "100Gi", "");

        driver("node1").tell(NOW);

        assertThat(api.events()).hasSize(1);
        var event = api.get("/api/v1/namespaces/shop/events/not-enough-free.uid-of-big");
        assertThat(event.path("message").asText())
                .isEqualTo(
                        "no node has room for the 100 GiB of StorageClass ssd that this claim asks for:"
                                + " free are 5 GiB on node2, 3 GiB on node1 (a volume must fit on one)."
                                + " Delete volumes, add a disk, or make the claim anew and smaller");
        assertThat(event.path("type").asText()).isEqualTo("Warning");
        assertThat(event.path("reason").asText()).isEqualTo("NotEnoughFree");
        assertThat(event.path("count").asInt()).isEqualTo(1);
        assertThat(event.path("source").path("component").asText()).isEqualTo(DRIVER);
        assertThat(event.path("firstTimestamp").asText()).isEqualTo("2026-01-01T00:00:00Z");
        assertThat(event.path("lastTimestamp").asText()).isEqualTo("2026-01-01T00:00:00Z");
        assertThat(event.path("metadata").path("namespace").asText()).isEqualTo("shop");
        var about = event.path("involvedObject");
        assertThat(about.path("kind").asText()).isEqualTo("PersistentVolumeClaim");
        assertThat(about.path("namespace").asText()).isEqualTo("shop");
        assertThat(about.path("name").asText()).isEqualTo("big");
        assertThat(about.path("uid").asText()).isEqualTo("uid-of-big");
    }

    @ParameterizedTest
    @ValueSource(strings = {"4Gi", "5476083302", "5.1G", "1e9", "1"})
    void nothingIsSaidWhileItFitsOnOneNode(String request) throws Exception {
        claim("small", request, "");

        driver("node1").tell(NOW);

        assertThat(api.events()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"6Gi", "5476083303", "5.5G", "6e9", "5476083302001m", "1Ei"})
    void whatIsAskedIsReadAsKubernetesWritesIt(String request) throws Exception {
        claim("big", request, "");

        driver("node1").tell(NOW);

        assertThat(api.events()).hasSize(1);
    }

    /// As the scheduler compares: the sum of what is free may be in pieces.
    @ParameterizedTest
    @CsvSource({"5Gi, 1", "7Gi, 0"})
    void theLargestVolumeCountsWhereItIsPublished(String largest, int events) throws Exception {
        capacity("ssd", "node1", "20Gi", "maximumVolumeSize: 6Gi");
        claim("big", largest.equals("5Gi") ? "7Gi" : "6Gi", "");

        driver("node1").tell(NOW);

        assertThat(api.events()).hasSize(events);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "phase: Bound",
                "phase: Lost",
                "volumeName: orders",
                "selected-node: node1",
                "deletionTimestamp: 2026-01-01T00:00:00Z",
                "storageClassName: at-once",
                "storageClassName: others",
                "storageClassName: deleted",
                "storageClassName: not-published"
            })
    void otherClaimsAreLeftAlone(String trait) throws Exception {
        storageClass("at-once", DRIVER, "Immediate");
        storageClass("others", "other.example.com", "WaitForFirstConsumer");
        storageClass("not-published", DRIVER, "WaitForFirstConsumer");
        for (var name : List.of("at-once", "others", "deleted")) {
            capacity(name, "node1", GIB);
        }
        claim("big", "100Gi", trait);
        driver("node1").tell(NOW);
        assertThat(api.events()).isEmpty();

        claim("big", "100Gi", "");
        driver("node1").tell(NOW);
        assertThat(api.events()).hasSize(1);
    }

    @Test
    void anotherDriversCapacityIsNotRead() throws Exception {
        capacity("ssd", "node3", "500Gi", "driver: central.csi.stowage.dev");
        claim("big", "100Gi", "");

        driver("node1").tell(NOW);

        assertThat(api.events()).hasSize(1);
    }

    @Test
    void everyPageIsRead() throws Exception {
        for (var i = 0; i < 5; i++) {
            capacity("ssd", "node" + (3 + i), "1Gi");
            claim("small-" + i, "1Gi", "");
        }
        claim("zz-big", "100Gi", "");

        for (var node = 1; node <= 7; node++) {
            driver("node" + node).tell(NOW);
        }

        assertThat(message()).contains("1 GiB on node5, less on 2 others");
        assertThat(api.requests()).filteredOn(CLAIMS::equals).hasSize(3);
    }

    @Test
    void eachTurnHasOneSpeakerAndADeadNodeCostsItsOwn() throws Exception {
        var node1 = driver("node1");
        var node2 = driver("node2");
        claim("big", "100Gi", "");
        node1.tell(NOW.minusSeconds(60));
        node2.tell(NOW.minusSeconds(60));
        assertThat(api.requests()).filteredOn(CLAIMS::equals).hasSize(1);

        node2.tell(NOW);
        node1.tell(NOW.plusSeconds(30));
        assertThat(api.requests()).isEmpty();
        node2.tell(NOW.plusSeconds(30));
        assertThat(api.requests()).filteredOn(CLAIMS::equals).hasSize(1);
    }

    @Test
    void aNodeLearnsOfOthersWhoseTurnItIsNow() throws Exception {
        var node1 = driver("node1");
        node1.tell(NOW);
        for (var i = 3; i < 30; i++) {
            capacity("ssd", "node" + i, "1Gi");
        }
        claim("big", "100Gi", "");
        node1.tell(NOW.plusSeconds(60));
        assertThat(api.requests()).filteredOn(CLAIMS::equals).hasSize(1);
    }

    @Test
    void aNodeWithoutPoolsIsSilent() throws Exception {
        claim("big", "100Gi", "");
        for (var turn = 0; turn < 30; turn++) {
            driver("node9").tell(NOW.plusSeconds(30L * turn));
        }
        assertThat(api.events()).isEmpty();
    }

    @Test
    void theSameIsRepeatedQuietly() throws Exception {
        var node1 = driver("node1");
        claim("big", "100Gi", "");
        node1.tell(NOW);
        node1.tell(NOW.plusSeconds(60));
        node1.tell(NOW.plusSeconds(240));
        assertThat(event().path("count").asInt()).isEqualTo(1);
        // Another process knows it too.
        driver("node1").tell(NOW.plusSeconds(300));

        assertThat(event().path("count").asInt()).isEqualTo(2);
        assertThat(event().path("firstTimestamp").asText()).isEqualTo("2026-01-01T00:00:00Z");
        assertThat(event().path("lastTimestamp").asText()).isEqualTo("2026-01-01T00:05:00Z");
    }

    @Test
    void otherNumbersAreToldSooner() throws Exception {
        var node1 = driver("node1");
        claim("big", "100Gi", "");
        node1.tell(NOW);
        capacity("ssd", "node1", "50Gi");
        node1.tell(NOW.plusSeconds(29));
        assertThat(message()).contains("3 GiB on node1");

        node1.tell(NOW.plusSeconds(60));

        assertThat(message()).contains("50 GiB on node1");
        assertThat(api.events()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"phase: Bound", "fits"})
    void whoIsServedIsNotToldAgain(String trait) throws Exception {
        var node1 = driver("node1");
        claim("big", "100Gi", "");
        node1.tell(NOW);
        if (trait.equals("fits")) {
            capacity("ssd", "node1", "200Gi");
        } else {
            claim("big", "100Gi", trait);
        }
        node1.tell(NOW.plusSeconds(600));

        assertThat(event().path("count").asInt()).isEqualTo(1);
    }

    @Test
    void twoWhoSpeakAtOnceDoNoHarm() throws Exception {
        claim("big", "100Gi", "");
        driver("node1").tell(NOW);
        var claim = new PendingClaim("shop", "big", "uid-of-big", "ssd", 100L << 30);
        var event = new ClaimEvent(claim, DRIVER, message());
        var seen = api.client().find(event.path());
        driver("node1").tell(NOW.plusSeconds(300));

        var late = event.after(seen, NOW.plusSeconds(300)).orElseThrow();

        assertThat(
                        catchThrowableOfType(
                                        ApiException.class,
                                        () -> api.client().put(event.path(), late))
                                .status())
                .isEqualTo(ApiException.CONFLICT);
        assertThat(event().path("count").asInt()).isEqualTo(2);
    }

    @Test
    void aControllerOfSharedPoolsSpeaksInEveryTurnOfOnePool() throws Exception {
        capacity("ssd", "node2", "3Gi");
        claim("big", "100Gi", "");
        var controller = new ClaimEvents(api.client(), DRIVER, Optional.empty());
        controller.tell(NOW.plusSeconds(30));
        assertThat(message())
                .contains("the pool has no room for the 100 GiB of StorageClass ssd")
                .contains(": 3 GiB are free. Delete");
        controller.tell(NOW.plusSeconds(60));
        assertThat(api.requests()).filteredOn(CLAIMS::equals).hasSize(2);
    }

    @Test
    void aMissingRightIsOneWarningWithTheRemedyUntilItIsThere() throws Exception {
        claim("big", "100Gi", "");
        claim("bigger", "200Gi", "");
        var words =
                "events \"not-enough-free.%s\" is forbidden: User \"u\" cannot update resource \"events\"";
        api.refuse(request -> request.startsWith("PUT"), words.formatted("uid-of-big"));
        var node1 = driver("node1");
        node1.tell(NOW);
        api.refuse(request -> request.startsWith("PUT"), words.formatted("uid-of-bigger"));
        node1.tell(NOW.plusSeconds(30));
        node1.tell(NOW.plusSeconds(60));
        assertThat(logged(Level.WARN)).hasSize(1);
        assertThat(logged(Level.WARN).getFirst())
                .contains("403 to PUT /api/v1/namespaces/shop/events/", "cannot update resource")
                .contains("give this pod's service account the rights");

        api.refuse(_ -> false, "");
        node1.tell(NOW.plusSeconds(120));

        assertThat(api.events()).hasSize(2);
        assertThat(logged(Level.INFO))
                .containsExactly("claims that fit on no node get their events again");
    }

    @Test
    void oneClaimThatIsRefusedDoesNotKeepTheOthersFromBeingTold() throws Exception {
        claim("big", "100Gi", "");
        claim("bigger", "200Gi", "");
        api.refuse(request -> request.endsWith("uid-of-big"), "no");

        driver("node1").tell(NOW);

        assertThat(api.events()).hasSize(1);
        assertThat(logged(Level.WARN)).hasSize(1);
    }

    @Test
    void aNamespaceThatEndsIsNoTrouble() throws Exception {
        claim("big", "100Gi", "");
        api.refuse(
                request -> request.startsWith("PUT"),
                "unable to create new content in namespace shop because it is being terminated");

        driver("node1").tell(NOW);

        assertThat(logged(Level.WARN)).isEmpty();
    }

    @Test
    void whereNobodyAnswersOneWarningSaysSo() throws Exception {
        int nobody;
        try (var socket = new ServerSocket(0)) {
            nobody = socket.getLocalPort();
        }
        var api = this.api.client(Map.of("KUBERNETES_SERVICE_PORT", "" + nobody));
        var node1 = new ClaimEvents(api, DRIVER, Optional.of("node1"));
        node1.tell(NOW);
        node1.tell(NOW.plusSeconds(60));

        assertThat(logged(Level.WARN)).hasSize(1);
        assertThat(logged(Level.WARN).getFirst())
                .contains(
                        "no answer to GET /apis/storage.k8s.io",
                        ":" + nobody,
                        "refused; let this pod reach it");
    }

    @Test
    void aServerThatNobodyVouchesForGetsNoToken() throws Exception {
        try (var other = new TestApi(Files.createDirectories(folder.resolve("other")), otherKey)) {
            Files.copy(
                    other.account().resolve("ca.crt"),
                    api.account().resolve("ca.crt"),
                    StandardCopyOption.REPLACE_EXISTING);
            driver("node1").tell(NOW);
        }
        assertThat(api.requests()).isEmpty();
        assertThat(logged(Level.WARN)).hasSize(1);
    }

    @Test
    void outsideAPodOneWarningSaysWhatIsMissing() throws Exception {
        Files.delete(api.account().resolve("token"));
        driver("node1").tell(NOW);
        assertThat(logged(Level.WARN).getFirst())
                .contains("can't read " + api.account().resolve("token"))
                .contains("automountServiceAccountToken");

        new ClaimEvents(new ApiServer(Map.of(), api.account()), DRIVER, Optional.of("node1"))
                .tell(NOW);
        assertThat(logged(Level.WARN).getLast())
                .contains("KUBERNETES_SERVICE_HOST")
                .contains("no pod");
    }

    /// The kubelet renews both files.
    @Test
    void aNewTokenAndANewAuthorityAreTakenAtOnce() throws Exception {
        var node1 = driver("node1");
        node1.tell(NOW);
        api.renewToken("second");
        claim("big", "100Gi", "");
        node1.tell(NOW.plusSeconds(60));
        assertThat(api.events()).hasSize(1);

        try (var renewed =
                new TestApi(Files.createDirectories(folder.resolve("renewed")), otherKey)) {
            Files.copy(
                    renewed.account().resolve("ca.crt"),
                    api.account().resolve("ca.crt"),
                    StandardCopyOption.REPLACE_EXISTING);
        }
        node1.tell(NOW.plusSeconds(120));
        assertThat(logged(Level.WARN)).hasSize(1);
    }

    @Test
    void theThreadTellsInItsTurnAndEndsWhenClosed() throws Exception {
        claim("big", "100Gi", "");
        var controller = new ClaimEvents(api.client(), DRIVER, Optional.empty());
        controller.start();
        Polling.await("the event", Duration.ofSeconds(15), () -> !api.events().isEmpty());
        controller.close();
        // NothingLeftBehind sees to the rest.
    }

    private ClaimEvents driver(String node) {
        return new ClaimEvents(api.client(), DRIVER, Optional.of(node));
    }

    private JsonNode event() {
        assertThat(api.events()).hasSize(1);
        return api.events().getFirst();
    }

    private String message() {
        return event().path("message").asText();
    }

    private List<String> logged(Level level) {
        return log.list.stream()
                .filter(event -> event.getLevel() == level)
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    private void storageClass(String name, String provisioner, String mode) throws Exception {
        api.put(
                "/apis/storage.k8s.io/v1/storageclasses/" + name,
                """
                {"metadata": {"name": "%s"}, "provisioner": "%s", "volumeBindingMode": "%s"}
                """
                        .formatted(name, provisioner, mode));
    }

    private void capacity(String storageClass, String node, String capacity) throws Exception {
        capacity(storageClass, node, capacity, "");
    }

    /// @param trait something else than usual: `key: value`
    private void capacity(String storageClass, String node, String capacity, String trait)
            throws Exception {
        api.put(
                capacityPath(storageClass, node),
                """
                {"metadata": {"labels": {"csi.storage.k8s.io/drivername": "%s"}},
                 "storageClassName": "%s", "capacity": "%s"%s,
                 "nodeTopology": {"matchLabels": {"topology.csi.stowage.dev/node": "%s"}}}
                """
                        .formatted(
                                value(trait, "driver", DRIVER),
                                storageClass,
                                capacity,
                                trait.startsWith("maximumVolumeSize")
                                        ? ", \"maximumVolumeSize\": \"%s\""
                                                .formatted(value(trait, "maximumVolumeSize", ""))
                                        : "",
                                node));
    }

    private static String capacityPath(String storageClass, String node) {
        return "/apis/storage.k8s.io/v1/namespaces/%s/csistoragecapacities/%s-%s"
                .formatted(TestApi.NAMESPACE, storageClass, node);
    }

    /// @param trait something else than usual: `key: value`
    private void claim(String name, String request, String trait) throws Exception {
        api.put(
                "/api/v1/namespaces/shop/persistentvolumeclaims/" + name,
                """
                {"metadata": {"namespace": "shop", "name": "%1$s", "uid": "uid-of-%1$s"%2$s,
                   "annotations": {"a": "b"%3$s}},
                 "spec": {"storageClassName": "%4$s"%5$s,
                   "resources": {"requests": {"storage": "%6$s"}}},
                 "status": {"phase": "%7$s"}}
                """
                        .formatted(
                                name,
                                field(trait, "deletionTimestamp", "deletionTimestamp"),
                                field(trait, "selected-node", "volume.kubernetes.io/selected-node"),
                                value(trait, "storageClassName", "ssd"),
                                field(trait, "volumeName", "volumeName"),
                                request,
                                value(trait, "phase", "Pending")));
    }

    private static String field(String trait, String key, String name) {
        return trait.startsWith(key + ": ")
                ? ", \"%s\": \"%s\"".formatted(name, value(trait, key, ""))
                : "";
    }

    private static String value(String trait, String key, String usual) {
        var prefix = key + ": ";
        return trait.startsWith(prefix) ? trait.substring(prefix.length()) : usual;
    }
}
