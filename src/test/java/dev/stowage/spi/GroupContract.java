package dev.stowage.spi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.volume.AccessMode;
import dev.stowage.volume.GroupId;
import dev.stowage.volume.GroupSnapshot;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// What [GroupSnapshots] promises, in runnable form.
public abstract class GroupContract extends SnapshotContract {
    /// For volumes that nobody uses there is nothing to freeze.
    protected static final Freezer NOTHING_TO_FREEZE =
            new Freezer() {
                @Override
                public Frozen freeze(List<VolumeId> volumes, Duration bound) {
                    throw new AssertionError("nothing is in use: " + volumes);
                }
            };

    private GroupSnapshots groups() throws Exception {
        return (GroupSnapshots) backend();
    }

    private GroupId groupId(String name) throws Exception {
        return GroupId.of(backend().pool(), name);
    }

    private GroupSnapshot make(String name, VolumeId... sources) throws Exception {
        return groups().createGroup(groupId(name), name, List.of(sources), NOTHING_TO_FREEZE);
    }

    private List<Snapshot> snapshots() throws Exception {
        return groups().listSnapshots(Optional.empty(), Optional.empty(), 100);
    }

    private VolumeId volume(String name) throws Exception {
        return make(backend(), name, 16 * MIB).id();
    }

    @Test
    void aGroupIsASnapshotOfEachVolumeUnderOneName() throws Exception {
        var a = volume("a");
        var b = volume("b");
        var made = make("g", a, b);
        assertThat(made.differenceFrom("g", List.of(b, a))).isEmpty();
        assertThat(made.differenceFrom("g", List.of(a))).isPresent();
        assertThat(made.members()).extracting(Snapshot::source).containsExactlyInAnyOrder(a, b);
        assertThat(made.members()).extracting(Snapshot::group).containsOnly(Optional.of(made.id()));
        assertThat(groups().findGroup(made.id()).orElseThrow().memberIds())
                .isEqualTo(made.memberIds());
        for (var member : made.memberIds()) {
            assertThat(groups().findSnapshot(member)).isPresent();
        }
        assertThat(snapshots()).hasSize(2);
        assertThat(groups().findGroup(groupId("other"))).isEmpty();
    }

    @Test
    void theSameGroupAgainIsTheSame() throws Exception {
        var a = volume("a");
        var made = make("g", a);
        assertThat(make("g", a).created()).isEqualTo(made.created());
        assertThat(make("g", volume("b")).members()).extracting(Snapshot::source).containsOnly(a);
        assertThat(snapshots()).hasSize(1);
    }

    @Test
    void aGroupWithAVolumeThatIsNotThereIsRefusedAndMakesNothing() throws Exception {
        var a = volume("a");
        assertRefused(Reason.NOT_FOUND, () -> make("g", a, id(backend(), "absent")));
        assertThat(snapshots()).isEmpty();
        assertThat(groups().findGroup(groupId("g"))).isEmpty();
    }

    @Test
    void aGroupThatDoesNotFitIsRefusedAndMakesNothing() throws Exception {
        var backend = backend();
        var before = backend.capacity(Provisioning.THICK).availableBytes();
        var a = make(backend, "a", 16 * MIB).id();
        var large = make(backend, "b", before / 2 / MIB * MIB).id();
        var left = backend.capacity(Provisioning.THICK).availableBytes();
        assertRefused(Reason.NO_SPACE, () -> make("g", a, large));
        assertThat(snapshots()).isEmpty();
        assertThat(backend.capacity(Provisioning.THICK).availableBytes())
                .isGreaterThanOrEqualTo(left - MIB);
    }

    @Test
    void aMemberGoesOnlyWithItsGroup() throws Exception {
        var made = make("g", volume("a"), volume("b"));
        var member = made.members().getFirst().id();
        assertRefused(Reason.INVALID, () -> groups().deleteSnapshot(member));
        groups().deleteGroup(made.id());
        assertThat(snapshots()).isEmpty();
        assertThat(groups().findGroup(made.id())).isEmpty();
        assertThat(groups().findSnapshot(member)).isEmpty();
        groups().deleteGroup(made.id());
        groups().deleteSnapshot(member);
    }

    @Test
    void aGroupStaysWholeWhileAVolumeIsMadeFromAMember() throws Exception {
        var backend = backend();
        var made = make("g", volume("a"), volume("b"));
        awaitReady(made);
        try (var _ = groups().openSnapshot(made.members().getLast().id())) {
            assertRefused(Reason.FAILED_PRECONDITION, () -> groups().deleteGroup(made.id()));
            assertThat(snapshots()).hasSize(2);
            assertThat(((GroupSnapshots) backend).findGroup(made.id())).isPresent();
        }
        groups().deleteGroup(made.id());
    }

    private void awaitReady(GroupSnapshot made) throws Exception {
        dev.stowage.testing.Polling.await(
                "the group is ready",
                Duration.ofSeconds(30),
                () -> groups().findGroup(made.id()).orElseThrow().ready());
    }

    @Test
    void aGroupWithAVolumeOfAnotherNodeIsRefusedAndNamesTheNode() throws Exception {
        var backend = backend();
        var elsewhere = new NodeId("elsewhere");
        announce(backend, elsewhere);
        var a = volume("a");
        var b = volume("b");
        backend.attach(b, elsewhere, AccessMode.SINGLE_NODE_WRITER, false);
        var refusal =
                org.assertj.core.api.Assertions.catchThrowableOfType(
                        VolumeException.class, () -> make("g", a, b));
        assertThat(refusal.reason()).isEqualTo(Reason.FAILED_PRECONDITION);
        assertThat(refusal).hasMessageContaining("elsewhere");
        assertThat(snapshots()).isEmpty();
        backend.detach(b, elsewhere);
        assertThat(make("g", a, b).members()).hasSize(2);
    }
}
