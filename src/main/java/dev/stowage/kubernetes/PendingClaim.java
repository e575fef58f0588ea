package dev.stowage.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stowage.volume.Quantities;
import java.util.Optional;

/// A claim that has no volume yet, and for which no node has been chosen.
///
/// @param bytes what it asks for
record PendingClaim(String namespace, String name, String uid, String storageClass, long bytes) {

    /// The claim in `object`, a PersistentVolumeClaim, if it is such a one. A claim with a chosen
    /// node is the provisioner's, which tells by itself what is in the way.
    static Optional<PendingClaim> in(JsonNode object) {
        var metadata = object.path("metadata");
        var spec = object.path("spec");
        var waits =
                object.path("status").path("phase").asText().equals("Pending")
                        && !metadata.has("deletionTimestamp")
                        && !spec.has("volumeName")
                        && !metadata.path("annotations").has("volume.kubernetes.io/selected-node");
        if (!waits) {
            return Optional.empty();
        }
        var request = spec.path("resources").path("requests").path("storage").asText("0");
        return Optional.of(
                new PendingClaim(
                        metadata.path("namespace").asText(),
                        metadata.path("name").asText(),
                        metadata.path("uid").asText(),
                        spec.path("storageClassName").asText(),
                        Quantities.read(request)));
    }
}
