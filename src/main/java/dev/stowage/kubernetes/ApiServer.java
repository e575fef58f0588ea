package dev.stowage.kubernetes;

import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.Proxy;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import javax.net.ssl.HttpsURLConnection;
import org.jspecify.annotations.Nullable;

/// The cluster's API server, as a pod reaches it: the address is in the environment, the service
/// account's token and the authority to trust are files that the kubelet renews, so both are read
/// for each call. Every call has limits of time; of a list one object at a time is in memory.
public final class ApiServer {
    /// Where a pod has its service account (automountServiceAccountToken).
    public static final Path ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");

    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    private static final Duration READ_LIMIT = Duration.ofSeconds(15);

    /// Some 500 KiB of claims.
    private static final int PAGE = 250;

    /// Of what explains a refusal.
    private static final int MOST_WORDS = 64 << 10;

    private static final int FIRST_ERROR = 400;

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Map<String, String> environment;
    private final Path account;
    private @Nullable Trust trust;

    /// @param environment has KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT
    /// @param account the folder with `token`, `ca.crt` and `namespace`
    public ApiServer(Map<String, String> environment, Path account) {
        this.environment = Map.copyOf(environment);
        this.account = account;
    }

    /// The namespace of this pod.
    String namespace() throws IOException {
        var _ = address(); // without one this is no pod, which tells more than a missing file
        return read("namespace");
    }

    /// The object at `path`, if there is one.
    Optional<JsonNode> find(String path) throws IOException {
        try {
            return Optional.of(call("GET", path, null, JSON::readTree));
        } catch (ApiException e) {
            if (e.status() == ApiException.NOT_FOUND) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /// Writes the object at `path`.
    void put(String path, JsonNode object) throws IOException {
        var _ = call("PUT", path, object, JSON::readTree);
    }

    /// Gives each object of the list at `path` to `each`, page by page.
    ///
    /// @param selector of labels, such as `app=shop`; empty: all
    void list(String path, String selector, Consumer<JsonNode> each) throws IOException {
        var query = path + "?limit=" + PAGE + "&labelSelector=" + encoded(selector);
        var next = call("GET", query, null, body -> page(body, each));
        while (!next.isEmpty()) {
            next =
                    call(
                            "GET",
                            query + "&continue=" + encoded(next),
                            null,
                            body -> page(body, each));
        }
    }

    /// What stands for a word in a path or query.
    static String encoded(String word) {
        return URLEncoder.encode(word, StandardCharsets.UTF_8);
    }

    /// Returns where the next page begins; empty after the last.
    private static String page(InputStream body, Consumer<JsonNode> each) throws IOException {
        var next = "";
        try (var json = JSON.createParser(body)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("what the API server lists is no JSON object");
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                var field = json.currentName();
                var value = json.nextToken();
                if (field.equals("items") && value == JsonToken.START_ARRAY) {
                    while (json.nextToken() == JsonToken.START_OBJECT) {
                        each.accept(JSON.readTree(json));
                    }
                } else if (field.equals("metadata")) {
                    next = JSON.<JsonNode>readTree(json).path("continue").asText("");
                } else {
                    json.skipChildren();
                }
            }
        }
        return next;
    }

    private interface Reading<T> {
        T of(InputStream body) throws IOException;
    }

    private <T> T call(String method, String path, @Nullable JsonNode object, Reading<T> reading)
            throws IOException {
        var address = address();
        var connection = connect(address.resolve(path));
        connection.setRequestMethod(method);
        var request = method + " " + connection.getURL().getPath();
        try {
            if (object != null) {
                connection.setDoOutput(true);
                connection.setRequestProperty("Content-Type", "application/json");
                try (var body = connection.getOutputStream()) {
                    body.write(JSON.writeValueAsBytes(object));
                }
            }
            var status = connection.getResponseCode();
            if (status >= FIRST_ERROR) {
                throw new ApiException(request, status, words(connection.getErrorStream()));
            }
            try (var body = connection.getInputStream()) {
                return reading.of(body);
            }
        } catch (ApiException e) {
            throw e;
        } catch (IOException e) {
            throw new IOException(
                    "no answer to %s from the API server at %s: %s; let this pod reach it, or start without --claim-events"
                            .formatted(request, address, e),
                    e);
        }
    }

    private HttpsURLConnection connect(URI uri) throws IOException {
        var connection = (HttpsURLConnection) uri.toURL().openConnection(Proxy.NO_PROXY);
        connection.setSSLSocketFactory(trust().sockets());
        connection.setConnectTimeout((int) CONNECT_LIMIT.toMillis());
        connection.setReadTimeout((int) READ_LIMIT.toMillis());
        connection.setInstanceFollowRedirects(false);
        connection.setRequestProperty("Accept", "application/json");
        connection.setRequestProperty("Authorization", "Bearer " + read("token"));
        return connection;
    }

    private URI address() throws IOException {
        var host = environment.get("KUBERNETES_SERVICE_HOST");
        var port = environment.get("KUBERNETES_SERVICE_PORT");
        if (host == null || port == null) {
            throw new IOException(
                    "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so this is no pod: start without --claim-events");
        }
        return URI.create(
                "https://%s:%s".formatted(host.contains(":") ? "[" + host + "]" : host, port));
    }

    private Trust trust() throws IOException {
        var authority = read("ca.crt");
        var last = trust;
        if (last == null || !last.authority().equals(authority)) {
            last = Trust.in(authority);
            trust = last;
        }
        return last;
    }

    private String read(String file) throws IOException {
        try {
            return Files.readString(account.resolve(file)).strip();
        } catch (IOException e) {
            throw new IOException(
                    "can't read %s, which a pod has with automountServiceAccountToken: true (%s)"
                            .formatted(account.resolve(file), e),
                    e);
        }
    }

    private static String words(@Nullable InputStream body) throws IOException {
        if (body == null) {
            return "(no words)";
        }
        try (body) {
            var text = new String(body.readNBytes(MOST_WORDS), StandardCharsets.UTF_8);
            try {
                return JSON.readTree(text).path("message").asText(text);
            } catch (IOException e) {
                return text; // a proxy's page, not the API server's Status
            }
        }
    }
}
