package dev.stowage.demo;

import csi.v1.GetPluginInfoRequest;
import dev.stowage.client.CsiClient;
import dev.stowage.config.Config;
import dev.stowage.lab.Workplace;
import dev.stowage.serve.Driver;
import dev.stowage.serve.Role;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/// A driver in this process, with the folders that a kubelet would keep for one volume.
///
/// @param staging exists
/// @param target does not, its parent does
record DemoNode(String name, Driver driver, CsiClient client, Path staging, Path target)
        implements AutoCloseable {
    private static final String POOL = "demo";

    /// A call that runs when the story ends may finish.
    private static final Duration GRACE = Duration.ofSeconds(5);

    /// Starts a driver on the folder's pool, which all nodes share.
    static DemoNode start(Workplace place, String name, Role role) throws IOException {
        var endpoint = place.folder().resolve(name + ".sock");
        var staging = place.makeFolder(name + "/staging");
        var target = place.makeFolder(name + "/pod").resolve("volume");
        var options =
                new Driver.Options("unix://" + endpoint, role, NodeId.of(name), Optional.empty());
        var driver = new Driver(config(place, name), options);
        try {
            driver.start();
        } catch (IOException | RuntimeException e) {
            driver.close();
            throw e;
        }
        return new DemoNode(name, driver, new CsiClient(endpoint), staging, target);
    }

    private static Config config(Workplace place, String name) throws IOException {
        var pool =
                new Config.PoolConfig(
                        "file",
                        place.makeFolder("pool"),
                        FileSystemType.EXT4,
                        Provisioning.THICK,
                        1.0,
                        false,
                        true,
                        false);
        return new Config(
                "csi.stowage.dev",
                true,
                place.makeFolder(name + "/state"),
                Optional.of(POOL),
                1,
                Optional.empty(),
                Map.of(POOL, pool));
    }

    /// What the driver calls itself.
    String answer() {
        var answer = client.identity().getPluginInfo(GetPluginInfoRequest.getDefaultInstance());
        return answer.getName() + " " + answer.getVendorVersion();
    }

    @Override
    public void close() {
        client.close();
        try {
            driver.stop(GRACE);
        } catch (InterruptedException e) {
            driver.close();
            Thread.currentThread().interrupt();
        }
    }
}
