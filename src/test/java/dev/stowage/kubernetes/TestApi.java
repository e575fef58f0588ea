package dev.stowage.kubernetes;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/// What an API server does with the few calls that are made: lists in pages, of which it makes
/// small ones, gets, and puts that create or need the latest resourceVersion. Over HTTPS, for who
/// has the token that is in the account's folder now.
final class TestApi implements AutoCloseable {
    static final String NAMESPACE = "stowage";
    private static final String PASSWORD = "changeit";
    private static final int PAGE = 2;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path account;
    private final HttpsServer server;
    private final Map<String, ObjectNode> objects = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private volatile Predicate<String> refused = _ -> false;
    private volatile String refusal = "";
    private long version;

    /// @param key of [#makeKey], so that not every test waits for keytool
    TestApi(Path folder, Path key) throws Exception {
        account = Files.createDirectories(folder.resolve("account"));
        Files.writeString(account.resolve("namespace"), NAMESPACE);
        renewToken("first");
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(certified(key)));
        var _ = server.createContext("/", this::answer);
        server.start();
    }

    /// As a pod reaches it.
    ApiServer client() {
        return client(Map.of());
    }

    /// With another environment than a pod's.
    ApiServer client(Map<String, String> changed) {
        var environment = new TreeMap<String, String>();
        environment.put("KUBERNETES_SERVICE_HOST", server.getAddress().getHostString());
        environment.put("KUBERNETES_SERVICE_PORT", "" + server.getAddress().getPort());
        environment.putAll(changed);
        return new ApiServer(environment, account);
    }

    Path account() {
        return account;
    }

    /// What the kubelet does every hour.
    void renewToken(String token) throws IOException {
        Files.writeString(account.resolve("token"), token);
    }

    /// Answers 403 to requests such as `PUT /api/v1/...`.
    void refuse(Predicate<String> which, String words) {
        refused = which;
        refusal = words;
    }

    void put(String path, String json) throws IOException {
        store(path, (ObjectNode) JSON.readTree(json));
    }

    JsonNode get(String path) {
        return Objects.requireNonNull(objects.get(path), path);
    }

    /// All events.
    List<JsonNode> events() {
        return below("").stream()
                .filter(entry -> entry.getKey().contains("/events/"))
                .<JsonNode>map(Map.Entry::getValue)
                .toList();
    }

    /// What was asked since the last time, such as `GET /api/v1/persistentvolumeclaims`.
    List<String> requests() {
        var asked = List.copyOf(requests);
        requests.clear();
        return asked;
    }

    @Override
    public void close() {
        server.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            var path = exchange.getRequestURI().getPath();
            var request = exchange.getRequestMethod() + " " + path;
            requests.add(request);
            var token = exchange.getRequestHeaders().getFirst("Authorization");
            if (!("Bearer " + Files.readString(account.resolve("token"))).equals(token)) {
                status(exchange, 401, "Unauthorized");
            } else if (refused.test(request)) {
                status(exchange, 403, refusal);
            } else if (exchange.getRequestMethod().equals("PUT")) {
                replace(exchange, path);
            } else if (objects.containsKey(path)) {
                send(exchange, 200, get(path));
            } else if (path.contains("/storageclasses/") || path.contains("/events/")) {
                status(exchange, 404, "not found");
            } else {
                list(exchange, path);
            }
        }
    }

    private void replace(HttpExchange exchange, String path) throws IOException {
        var object = (ObjectNode) JSON.readTree(exchange.getRequestBody());
        var wanted = object.path("metadata").path("resourceVersion").asText("");
        var there = objects.get(path);
        var latest = there == null ? "" : there.path("metadata").path("resourceVersion").asText();
        if (!wanted.isEmpty() && !wanted.equals(latest)) {
            status(exchange, 409, "the object has been modified");
        } else {
            send(exchange, there == null ? 201 : 200, store(path, object));
        }
    }

    private synchronized ObjectNode store(String path, ObjectNode object) {
        object.withObject("/metadata").put("resourceVersion", "" + ++version);
        objects.put(path, object);
        return object;
    }

    private void list(HttpExchange exchange, String path) throws IOException {
        var query = query(exchange);
        var name = path.substring(path.lastIndexOf('/') + 1);
        var all =
                below(path.substring(0, path.length() - name.length())).stream()
                        .filter(entry -> entry.getKey().contains("/" + name + "/"))
                        .map(Map.Entry::getValue)
                        .filter(object -> selected(object, query.getOrDefault("labelSelector", "")))
                        .toList();
        var from = Integer.parseInt(query.getOrDefault("continue", "0"));
        var to = Math.min(all.size(), from + PAGE);
        var list = JSON.createObjectNode().put("kind", "List");
        if (to < all.size()) {
            list.putObject("metadata").put("continue", "" + to);
        }
        list.putArray("items").addAll(new ArrayList<>(all.subList(from, to)));
        send(exchange, 200, list);
    }

    private List<Map.Entry<String, ObjectNode>> below(String path) {
        return objects.entrySet().stream()
                .filter(entry -> entry.getKey().startsWith(path))
                .sorted(Map.Entry.comparingByKey())
                .toList();
    }

    private static boolean selected(JsonNode object, String selector) {
        var parts = selector.split("=", 2);
        return selector.isEmpty()
                || object.path("metadata").path("labels").path(parts[0]).asText().equals(parts[1]);
    }

    private static Map<String, String> query(HttpExchange exchange) {
        return Stream.of(exchange.getRequestURI().getQuery().split("&"))
                .map(part -> part.split("=", 2))
                .collect(Collectors.toMap(part -> part[0], part -> part[1]));
    }

    private static void status(HttpExchange exchange, int code, String words) throws IOException {
        send(exchange, code, JSON.createObjectNode().put("kind", "Status").put("message", words));
    }

    private static void send(HttpExchange exchange, int code, JsonNode body) throws IOException {
        var bytes = body.toString().getBytes(UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(code, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    /// The account's ca.crt vouches for the key.
    private SSLContext certified(Path key) throws Exception {
        var store = KeyStore.getInstance(key.toFile(), PASSWORD.toCharArray());
        Files.writeString(
                account.resolve("ca.crt"),
                "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"
                        .formatted(
                                Base64.getMimeEncoder()
                                        .encodeToString(
                                                store.getCertificate("server").getEncoded())));
        var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, PASSWORD.toCharArray());
        var context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }

    /// Makes a key for 127.0.0.1 and the certificate that vouches for it.
    static Path makeKey(Path file) throws Exception {
        var process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "keytool")
                                        .toString(),
                                "-genkeypair",
                                "-alias",
                                "server",
                                "-keyalg",
                                "EC",
                                "-dname",
                                "CN=test",
                                "-ext",
                                "san=ip:127.0.0.1",
                                "-keystore",
                                file.toString(),
                                "-storepass",
                                PASSWORD)
                        .redirectErrorStream(true)
                        .start();
        var said = new String(process.getInputStream().readAllBytes(), UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException("keytool: " + said);
        }
        return file;
    }
}
