package dev.stowage.demo;

import dev.stowage.client.VolumeClient;
import dev.stowage.client.VolumeKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// A volume with the folders that a kubelet would keep for it.
///
/// @param target where a pod would find it
record TourVolume(TourNode node, String name, VolumeClient calls, Path staging, Path target) {
    static TourVolume of(TourNode node, String name, VolumeKind kind) throws IOException {
        var folder = node.folder().resolve(name);
        var staging = Files.createDirectories(folder.resolve("staging"));
        var target = Files.createDirectories(folder.resolve("pod")).resolve("volume");
        var calls = new VolumeClient(node.client(), kind.capability());
        return new TourVolume(node, name, calls, staging, target);
    }

    TourVolume create(long bytes) {
        var _ = calls.create(name, bytes);
        arrive();
        return this;
    }

    TourVolume restore(String snapshot, long bytes) {
        var _ = calls.restore(name, bytes, snapshot);
        arrive();
        return this;
    }

    private void arrive() {
        calls.attach(node.name());
        calls.stage(node.client(), staging);
        calls.publish(node.client(), staging, target);
    }

    String id() {
        return calls.id();
    }

    /// As granted.
    long bytes() {
        return calls.bytes();
    }

    /// Where the tour's numbers are.
    Path numbers() {
        return target.resolve("numbers");
    }

    /// How much a pod can use.
    long totalBytes() {
        return calls.totalBytes(node.client(), target);
    }

    /// Ends its use, and then it.
    void delete() {
        calls.unpublish(node.client(), target);
        calls.unstage(node.client(), staging);
        calls.detach(node.name());
        calls.delete();
    }
}
