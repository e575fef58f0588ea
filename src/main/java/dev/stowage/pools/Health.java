package dev.stowage.pools;

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
import java.util.Objects;
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
    private record Ward(Pool pool, Backend backend, PoolState state) {}

    /// What is wrong with the volume; an empty list if nothing is known to be.
    ///
    /// @throws VolumeException NOT_FOUND if there is no such volume, FAILED_PRECONDITION if its
    ///     pool is none of ours
    public List<Condition> of(VolumeId id) throws IOException {
        var pool = pools.owning(id);
        var state = watch.states(List.of(pool)).getFirst();
        return state.usable()
                ? asked(new Ward(pool, pool.backend(), state), id)
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
            var usable = new Pools.Usable(ward.pool(), ward.backend());
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
        if (!(ward.backend() instanceof Diagnosable diagnosable)) {
            return;
        }
        for (var id : ids(ward, diagnosable, after)) {
            if (found.size() >= atMost) {
                return;
            }
            ifPresent(ward, id)
                    .filter(diagnosis -> !diagnosis.conditions().isEmpty())
                    .ifPresent(found::add);
        }
    }

    private static List<VolumeId> ids(Ward ward, Diagnosable pool, Optional<VolumeId> after)
            throws IOException {
        return Pools.unlessSick(
                        () -> ward.pool().ask("the list of its volumes", () -> pool.ids(after)))
                .orElse(List.of());
    }

    /// Empty if it was deleted meanwhile, or its pool became sick.
    private static Optional<Diagnosis> ifPresent(Ward ward, VolumeId id) throws IOException {
        try {
            return Pools.unlessSick(() -> new Diagnosis(id, asked(ward, id)));
        } catch (VolumeException e) {
            if (e.reason() == Reason.NOT_FOUND) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static List<Condition> asked(Ward ward, VolumeId id) throws IOException {
        return ward.pool().ask("the health of volume " + id, () -> conditions(ward, id));
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
        var states = new HashMap<Pool, PoolState>();
        var asked = watch.states(pools.all());
        for (var i = 0; i < asked.size(); i++) {
            states.put(pools.all().get(i), asked.get(i));
        }
        return pools.usable().stream()
                .map(
                        open ->
                                new Ward(
                                        open.pool(),
                                        open.backend(),
                                        Objects.requireNonNull(states.get(open.pool()))))
                .filter(ward -> ward.state().usable())
                .toList();
    }
}
