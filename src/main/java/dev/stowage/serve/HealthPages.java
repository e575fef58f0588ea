package dev.stowage.serve;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// /healthz (a restart would help if it fails) and /readyz over HTTP, as the kubelet's probes want
/// them.
final class HealthPages implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HealthPages.class);

    private static final int WAITING_CONNECTIONS = 64;

    private static final int OK = 200;
    private static final int NOT_FOUND = 404;
    private static final int METHOD_NOT_ALLOWED = 405;
    private static final int UNAVAILABLE = 503;

    private final HttpServer server;

    /// Virtual, because a caller that sends half a request keeps its thread for as long as it
    /// likes.
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    record Page(boolean well, String text) {}

    private HealthPages(HttpServer server) {
        this.server = server;
    }

    static HealthPages serve(
            InetSocketAddress address, Callable<Page> healthz, Callable<Page> readyz)
            throws IOException {
        HttpServer server;
        try {
            server = HttpServer.create(address, WAITING_CONNECTIONS);
        } catch (IOException e) {
            throw new IOException(
                    "can't listen on %s: %s; choose another --http"
                            .formatted(address, e.getMessage()),
                    e);
        }
        var pages = new HealthPages(server);
        pages.add("/healthz", healthz);
        pages.add("/readyz", readyz);
        server.setExecutor(pages.threads);
        server.start();
        return pages;
    }

    InetSocketAddress address() {
        return server.getAddress();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    private void add(String path, Callable<Page> page) {
        var _ = server.createContext(path, exchange -> answer(exchange, path, page));
    }

    private static void answer(HttpExchange exchange, String path, Callable<Page> page)
            throws IOException {
        try (exchange) {
            if (!exchange.getRequestURI().getPath().equals(path)) {
                send(exchange, NOT_FOUND, "there are /healthz and /readyz");
            } else if (!exchange.getRequestMethod().equals("GET")) {
                send(exchange, METHOD_NOT_ALLOWED, "use GET");
            } else {
                var answer = ask(page);
                send(exchange, answer.well() ? OK : UNAVAILABLE, answer.text());
            }
        }
    }

    private static Page ask(Callable<Page> page) {
        try {
            return page.call();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Page(false, "interrupted");
        } catch (Exception e) {
            LOG.error("a check of health failed", e);
            return new Page(false, String.valueOf(e.getMessage()));
        }
    }

    private static void send(HttpExchange exchange, int status, String text) throws IOException {
        var body = (text + "\n").getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }
}
