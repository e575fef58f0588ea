package dev.stowage.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks for claims that wait for a node and fit on none, and tells each of them how much is free.
final class ClaimsThatFitNowhere {
    private static final Logger LOG = LoggerFactory.getLogger(ClaimsThatFitNowhere.class);

    /// In one turn. Where more claims wait, those are told after the first were served or deleted.
    private static final int MOST_CLAIMS = 100;

    private final ApiServer api;
    private final String driver;
    private final boolean shared;
    private final Turns turns;

    /// @param self the node whose turns are ours, one of those that pools lie on; empty: the pools
    ///     are shared and every turn is ours
    ClaimsThatFitNowhere(ApiServer api, String driver, Optional<String> self) {
        this.api = api;
        this.driver = driver;
        this.shared = self.isEmpty();
        this.turns = new Turns(self);
    }

    /// Does what is to be done in the turn of `now`; returns whether it was ours.
    ///
    /// @throws IOException what kept a claim from being told; others were told nevertheless, unless
    ///     nobody answers
    boolean tell(Instant now) throws IOException {
        if (turns.isAnothers(now)) {
            return false;
        }
        var free = freeSpace();
        turns.learn(free.nodes(), now);
        if (!turns.isOurs(now)) {
            return false;
        }
        tellAll(claims(free), free, now);
        return true;
    }

    private FreeSpace freeSpace() throws IOException {
        var free = new FreeSpace();
        api.list(
                "/apis/storage.k8s.io/v1/namespaces/%s/csistoragecapacities"
                        .formatted(api.namespace()),
                "csi.storage.k8s.io/drivername=" + driver,
                free::add);
        return free;
    }

    private List<PendingClaim> claims(FreeSpace free) throws IOException {
        var found = new ArrayList<PendingClaim>();
        api.list(
                "/api/v1/persistentvolumeclaims",
                "",
                object ->
                        PendingClaim.in(object)
                                .filter(claim -> free.lacks(claim.storageClass(), claim.bytes()))
                                .filter(_ -> found.size() < MOST_CLAIMS)
                                .ifPresent(found::add));
        return found;
    }

    private void tellAll(List<PendingClaim> claims, FreeSpace free, Instant now)
            throws IOException {
        var waiting = new HashMap<String, Boolean>();
        Optional<ApiException> refused = Optional.empty();
        for (var claim : claims) {
            try {
                if (!waiting.containsKey(claim.storageClass())) {
                    waiting.put(claim.storageClass(), isOursAndWaits(claim.storageClass()));
                }
                if (waiting.get(claim.storageClass())) {
                    tell(new Shortage(claim, free.of(claim.storageClass()), shared), now);
                }
            } catch (ApiException e) {
                refused = refused.or(() -> Optional.of(e));
            }
        }
        if (refused.isPresent()) {
            throw refused.get();
        }
    }

    /// Whether claims of the class wait until a node is chosen. Others go to the provisioner at
    /// once, which tells them what the driver says.
    private boolean isOursAndWaits(String storageClass) throws IOException {
        return api.find("/apis/storage.k8s.io/v1/storageclasses/" + ApiServer.encoded(storageClass))
                .filter(found -> found.path("provisioner").asText().equals(driver))
                .map(found -> found.path("volumeBindingMode").asText())
                .filter("WaitForFirstConsumer"::equals)
                .isPresent();
    }

    private void tell(Shortage shortage, Instant now) throws IOException {
        var claim = shortage.claim();
        var event = new ClaimEvent(claim, driver, shortage.message());
        var last = api.find(event.path());
        var next = event.after(last, now);
        if (next.isEmpty()) {
            return;
        }
        if (write(event, next.get()) && last.isEmpty()) {
            LOG.info("claim {}/{}: {}", claim.namespace(), claim.name(), event.message());
        }
    }

    /// Returns false if that was needless: another driver was faster, or the namespace ends.
    private boolean write(ClaimEvent event, JsonNode object) throws IOException {
        try {
            api.put(event.path(), object);
            return true;
        } catch (ApiException e) {
            if (e.status() == ApiException.CONFLICT || e.isForTheEndOfTheNamespace()) {
                return false;
            }
            throw e;
        }
    }
}
