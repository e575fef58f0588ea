package dev.stowage.pools;

import dev.stowage.spi.Backend;
import dev.stowage.spi.Diagnosable;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// What is wrong with volumes as their pools know it, whether or not somebody uses them. A pool
/// that does not answer is reported, and its volumes are not looked at.
public final class Health {
    private final Pools pools;
    private final PoolWatch watch;

    public Health(Pools pools, PoolWatch watch) {
        this.pools = pools;
        this.watch = watch;
    }

    /// One page of volumes that are not well; `next` is the token for the following page.
    public record Page(List<Diagnosis> diagnoses, Optional<VolumeId> next) {}

    /// A usable pool.
    private record Ward(Backend backend, PoolState state) {
        String prefix() {
            return backend.pool().name() + "." + backend.pool().tag() + ".";
        }
    }

    /// What is wrong with the volume; an empty list if nothing is known to be.
    ///
    /// @throws VolumeException NOT_FOUND if there is no such volume, FAILED_PRECONDITION if its
    ///     pool is none of ours
    public List<Condition> of(VolumeId id) throws IOException {
        var pool = pools.owning(id);
        var state = watch.states(List.of(pool)).getFirst();
        return state.usable()
                ? conditions(new Ward(pool.backend(), state), id)
                : state.conditions();
    }

    /// What is wrong with each pool that this machine has.
    public List<PoolState> ofPools() {
        return watch.states(pools.all()).stream().filter(s -> s.absence().isEmpty()).toList();
    }

    /// Volumes that are not well, in order of their ids. Those of a pool that can't be used are
    /// not known and so not listed.
    public Page list(Optional<VolumeId> after, int limit) throws IOException {
        var found = new ArrayList<Diagnosis>();
        for (var ward : wards()) {
            if (found.size() > limit) {
                break;
            }
            if (after.isEmpty() || ward.prefix().compareTo(prefix(after.get())) >= 0) {
                var within = after.filter(a -> prefix(a).equals(ward.prefix()));
                addUnwell(ward, within, limit + 1, found);
            }
        }
        return found.size() > limit
                ? new Page(found.subList(0, limit), Optional.of(found.get(limit - 1).volume()))
                : new Page(found, Optional.empty());
    }

    private static void addUnwell(
            Ward ward, Optional<VolumeId> after, int atMost, List<Diagnosis> found)
            throws IOException {
        if (!(ward.backend() instanceof Diagnosable diagnosable)) {
            return;
        }
        for (var id : Pools.unlessSick(() -> diagnosable.ids(after)).orElse(List.of())) {
            if (found.size() >= atMost) {
                return;
            }
            ifPresent(ward, id)
                    .filter(diagnosis -> !diagnosis.conditions().isEmpty())
                    .ifPresent(found::add);
        }
    }

    /// Empty if it was deleted meanwhile, or its pool became sick.
    private static Optional<Diagnosis> ifPresent(Ward ward, VolumeId id) throws IOException {
        try {
            return Pools.unlessSick(() -> new Diagnosis(id, conditions(ward, id)));
        } catch (VolumeException e) {
            if (e.reason() == Reason.NOT_FOUND) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static List<Condition> conditions(Ward ward, VolumeId id) throws IOException {
        if (!(ward.backend() instanceof Diagnosable diagnosable)) {
            if (ward.backend().find(id).isEmpty()) {
                throw Backend.noSuchVolume(id.toString());
            }
            return ofAllVolumes(ward.state());
        }
        var all = new ArrayList<>(diagnosable.conditions(id));
        all.addAll(ofAllVolumes(ward.state()));
        return all;
    }

    /// What the pool has that every volume in it feels; of the rest a backend knows whose it is.
    private static List<Condition> ofAllVolumes(PoolState state) {
        return state.conditions().stream()
                .filter(
                        condition ->
                                switch (condition.fault()) {
                                    case POOL_REFUSES_CHANGES, POOL_READ_ONLY -> true;
                                    default -> false;
                                })
                .toList();
    }

    private List<Ward> wards() {
        var states = watch.states(pools.all());
        var wards = new ArrayList<Ward>();
        for (var i = 0; i < states.size(); i++) {
            var state = states.get(i);
            if (state.usable()) {
                pools.all().get(i).ifOpen().ifPresent(open -> wards.add(new Ward(open, state)));
            }
        }
        wards.sort(Comparator.comparing(Ward::prefix));
        return wards;
    }

    private static String prefix(VolumeId id) {
        return id.pool() + "." + id.poolTag() + ".";
    }
}
