package dev.stowage.node.device;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.LoopDevice;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.MountUsers;
import dev.stowage.linux.Processes;
import dev.stowage.linux.Swap;
import dev.stowage.volume.Printable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Says who is in the way of an unmount or a detachment, and what to do: mounts, loop devices,
/// swap, processes. As far as can be seen from here, and within a bound: words are not worth a long
/// wait.
public final class Busy {
    private static final Logger LOG = LoggerFactory.getLogger(Busy.class);
    private static final Duration LIMIT = Duration.ofSeconds(2);

    /// How many are named; one more is looked for, to say that there are more.
    private static final int MOST = 4;

    private final List<String> holders = new ArrayList<>();

    private Busy() {}

    /// For EBUSY of an unmount.
    ///
    /// @param what is not done: `volume v can't be unpublished from /target`
    public static IOException unmount(String what, Path path, ErrnoException busy) {
        var search = new Busy();
        try {
            var table = MountTable.read();
            search.mountsBelow(path, table);
            search.files(file -> file.startsWith(path + "/"));
            for (var mount : table.at(path)) {
                search.users(MountUsers.of(mount, LIMIT, MOST + 1));
            }
            if (search.holders.isEmpty()) {
                // in a container the paths of the node's own mounts are not told
                for (var mount : table.at(path)) {
                    LoopDevices.within(mount.device()).forEach(search::loop);
                }
            }
        } catch (IOException e) {
            LOG.warn("who uses {} can't be seen", path, e);
        }
        var words = search.words("fuser -vm %s".formatted(path));
        return new IOException("%s: %s: %s".formatted(what, busy.getMessage(), words), busy);
    }

    /// Whoever holds a device.
    public static String holders(BlockDevice device) {
        var search = new Busy();
        var path = device.path();
        try {
            search.files(file -> file.equals(path.toString()));
            for (var pid : Processes.holding(path)) {
                if (pid != ProcessHandle.current().pid()) {
                    search.users(
                            List.of(
                                    new MountUsers.User(
                                            pid, Processes.command(pid), "has it open")));
                }
            }
            LoopDevices.within(device.number()).forEach(search::loop);
            search.users(MountUsers.elsewhere(device.number(), LIMIT, MOST + 1));
        } catch (IOException e) {
            LOG.warn("who uses {} can't be seen", path, e);
        }
        return search.words("lsblk %s; fuser -v %s".formatted(path, path));
    }

    private String words(String search) {
        if (holders.isEmpty()) {
            return "nothing that this driver sees holds it: look on the node itself (%s)"
                    .formatted(search);
        }
        var named = String.join("; ", holders.subList(0, Math.min(MOST, holders.size())));
        return holders.size() > MOST
                ? "%s; and more: look on the node itself (%s)".formatted(named, search)
                : named;
    }

    /// Names are as whoever made the mount, file or process chose them.
    private void add(String holder, String remedy) {
        if (holders.size() <= MOST) {
            holders.add(Printable.escaped("%s: %s".formatted(holder, remedy)));
        }
    }

    private void mountsBelow(Path path, MountTable table) {
        for (var mount : table.mounts()) {
            if (mount.liesBelow(path)) {
                add(mount.shownPath() + " is mounted in it", "unmount that first");
            }
        }
    }

    private void loop(LoopDevice loop) {
        add(
                "%s ('%s') is bound to a file in it".formatted(loop.path(), loop.name()),
                detach(loop.path()));
    }

    private static String detach(Path device) {
        return "unmount what is on that device and detach it (losetup -d %s)".formatted(device);
    }

    private void files(Predicate<String> wanted) throws IOException {
        LoopDevices.withFiles(wanted)
                .forEach(
                        (device, file) ->
                                add("%s is bound to %s".formatted(device, file), detach(device)));
        for (var swap : Swap.all()) {
            if (wanted.test(swap)) {
                add("the machine swaps to " + swap, "swapoff " + swap);
            }
        }
    }

    private void users(List<MountUsers.User> users) {
        users.forEach(user -> add(user.toString(), "end it"));
    }
}
