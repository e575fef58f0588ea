package dev.stowage.pools;

import static java.util.Objects.requireNonNull;

import dev.stowage.spi.Backend;
import dev.stowage.spi.Diagnosable;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
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

    /// A usable pool, and how it is.
    private record Ward(Pools.Usable usable, PoolState state) {}

    /// What is wrong with the volume; an empty list if nothing is known to be.
    ///
    /// @throws VolumeException NOT_FOUND if there is no such volume, FAILED_PRECONDITION if its
    ///     pool is none of ours
    public List<Condition> of(VolumeId id) throws IOException {
        var pool = pools.owning(id);
        var state = watch.states(List.of(pool)).getFirst();
        return state.usable()
                ? pool.ask(health(id), () -> conditions(pool.backend(), state, id))
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
            var usable = ward.usable();
            if (after.isEmpty() || usable.mayFollow(after.get())) {
                addUnwell(ward, after.filter(usable::owns), limit + 1, found);
            }
        }
        return found.size() > limit
                ? new Page(found.subList(0, limit), Optional.of(found.get(limit - 1).volume()))
                : new Page(found, Optional.empty());
    }

    private static void addUnwell(
            Ward ward, Optional<VolumeId> after, int atMost, List<Diagnosis> found)
            throws IOException {
        if (!(ward.usable().backend() instanceof Diagnosable diagnosable)) {
            return;
        }
        var ids = ward.usable().ask(Volumes.LIST, () -> diagnosable.ids(after));
        for (var id : ids.orElse(List.of())) {
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
            return ward.usable()
                    .ask(health(id), () -> conditions(ward.usable().backend(), ward.state(), id))
                    .map(conditions -> new Diagnosis(id, conditions));
        } catch (VolumeException e) {
            if (e.reason() == Reason.NOT_FOUND) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static String health(VolumeId id) {
        return "the health of volume " + id;
    }

    private static List<Condition> conditions(Backend backend, PoolState state, VolumeId id)
            throws IOException {
        if (!(backend instanceof Diagnosable diagnosable)) {
            if (backend.find(id).isEmpty()) {
                throw Backend.noSuchVolume(id.toString());
            }
            return ofAllVolumes(state);
        }
        var all = new ArrayList<>(diagnosable.conditions(id));
        all.addAll(ofAllVolumes(state));
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
        var states = new HashMap<Pool, PoolState>();
        var asked = watch.states(pools.all());
        for (var i = 0; i < asked.size(); i++) {
            states.put(pools.all().get(i), asked.get(i));
        }
        return pools.usable().stream()
                .map(usable -> new Ward(usable, requireNonNull(states.get(usable.pool()))))
                .filter(ward -> ward.state().usable())
                .toList();
    }
}
