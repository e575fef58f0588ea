package dev.stowage.serve;

import dev.stowage.config.ConfigException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;

/// Where to listen, as a person writes it: `:9808` (every address of this machine),
/// `127.0.0.1:9808`, `[::1]:9808`.
final class ListenAddress {
    private static final int MAX_PORT = 65_535;

    private ListenAddress() {}

    static InetSocketAddress parse(String text) {
        var colon = text.lastIndexOf(':');
        if (colon < 0 || !text.substring(colon + 1).matches("\\d{1,5}")) {
            throw wrong(text);
        }
        var host = text.substring(0, colon);
        var port = Integer.parseInt(text.substring(colon + 1));
        if (port > MAX_PORT) {
            throw wrong(text);
        }
        if (host.isEmpty()) {
            return new InetSocketAddress(port);
        }
        try {
            return new InetSocketAddress(InetAddress.getByName(host), port);
        } catch (UnknownHostException e) {
            throw wrong(text);
        }
    }

    private static ConfigException wrong(String text) {
        return new ConfigException(
                "'%s' is no address to listen on: use :PORT or ADDRESS:PORT, such as :9808 or 127.0.0.1:9808"
                        .formatted(text));
    }
}
