package dev.stowage.bench;

import dev.stowage.client.CsiClient;
import dev.stowage.client.VolumeClient;
import dev.stowage.client.VolumeKind;
import dev.stowage.lab.Stopwatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// The driver, asked over its socket as Kubernetes asks it.
///
/// @param folder for this contestant's staging and target folders
record DriverContestant(CsiClient client, String node, Path folder, long bytes)
        implements Contestant {
    static final String NAME = "Stowage";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public void live(String volume, Stopwatch watch) throws IOException {
        // The kubelet makes these folders, before it calls.
        var staging = Files.createDirectories(folder.resolve("staging"));
        var target = Files.createDirectories(folder.resolve("pod")).resolve("volume");
        var calls = new VolumeClient(client, VolumeKind.EXT4.capability());
        var started = System.nanoTime();
        watch.time("CreateVolume", () -> calls.create(volume, bytes));
        watch.time("ControllerPublishVolume", () -> calls.attach(node));
        watch.time("NodeStageVolume", () -> calls.stage(client, staging));
        watch.time("NodePublishVolume", () -> calls.publish(client, staging, target));
        watch.time("NodeUnpublishVolume", () -> calls.unpublish(client, target));
        watch.time("NodeUnstageVolume", () -> calls.unstage(client, staging));
        watch.time("ControllerUnpublishVolume", () -> calls.detach(node));
        watch.time("DeleteVolume", calls::delete);
        watch.add(NAME, System.nanoTime() - started);
    }

    @Override
    public void close() {
        client.close();
    }
}
