package dev.stowage.demo;

import csi.v1.ListSnapshotsRequest;
import csi.v1.ListVolumesRequest;
import dev.stowage.client.CsiClient;
import dev.stowage.client.SnapshotClient;
import dev.stowage.client.VolumeKind;
import java.io.IOException;
import java.nio.file.Path;

/// The driver of the tour as its callers see it.
///
/// @param folder for staging and target folders
/// @param name the node's
record TourNode(CsiClient client, Path folder, String name) {
    SnapshotClient snapshots() {
        return new SnapshotClient(client);
    }

    TourVolume volume(String called, VolumeKind kind) throws IOException {
        return TourVolume.of(this, called, kind);
    }

    void requireEmptyPool() throws IOException {
        var volumes =
                client.controller()
                        .listVolumes(ListVolumesRequest.getDefaultInstance())
                        .getEntriesCount();
        var snapshots =
                client.controller()
                        .listSnapshots(ListSnapshotsRequest.getDefaultInstance())
                        .getEntriesCount();
        if (volumes + snapshots > 0) {
            throw new IOException(
                    "%d volumes and %d snapshots are left".formatted(volumes, snapshots));
        }
    }
}
