package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.time.Instant;

/// Makes volumes, whatever they begin with.
final class VolumeCreation {
    /// Each new try is another driver's delete of the same volume that came in between.
    private static final int TRIES = 8;

    private final OpenPool open;
    private final VolumeStore store;
    private final CapacityCheck capacity;
    private final LargestFile largest;
    private final VolumeBuilder builder;

    VolumeCreation(OpenPool open, VolumeStore store, CapacityCheck capacity, LargestFile largest) {
        this.open = open;
        this.store = store;
        this.capacity = capacity;
        this.largest = largest;
        this.builder = new VolumeBuilder(open.folder(), open.folders(), open.durable());
    }

    /// The volume that is there, or a new one.
    Volume create(VolumeId id, VolumeSpec spec, Filling filling) throws IOException {
        open.rescan().ifOthersChangedThePool();
        for (var tries = 0; tries < TRIES; tries++) {
            var present = store.find(id);
            if (present.isPresent()) {
                open.syncNames(open.folders().volumes());
                return present.get();
            }
            open.requireBuilding();
            var wanted = Volume.granted(id, largest.within(spec), Instant.now());
            if (build(wanted, filling)) {
                return wanted;
            }
        }
        throw new VolumeException(Reason.BUSY, "volume %s comes and goes; retry".formatted(id));
    }

    private boolean build(Volume wanted, Filling filling) throws IOException {
        var nonce = open.nonces().of(wanted.id());
        var building = ReservationKey.build(nonce);
        capacity.reserve(building, wanted.capacityBytes(), wanted.provisioning());
        try {
            var made = builder.build(wanted, filling, nonce);
            if (made) {
                var lasting = ReservationKey.of(wanted.id());
                open.reservations().rename(building, lasting);
                if (filling.shares()) {
                    open.reservations().claimLater(lasting);
                }
            }
            return made;
        } catch (ErrnoException e) {
            throw CapacityCheck.explained(e, open.folder().root());
        } finally {
            open.reservations().drop(building);
        }
    }
}
