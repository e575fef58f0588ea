package dev.stowage.demo;

import dev.stowage.client.VolumeClient;
import dev.stowage.client.VolumeKind;
import dev.stowage.lab.Narration;
import dev.stowage.lab.Workplace;
import dev.stowage.linux.Linux;
import dev.stowage.volume.Quantities;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;

/// One volume from its making to its end, on two nodes that share a pool.
final class DemoStory {
    /// Room for file systems' and pool's own needs beside the volume.
    private static final long ROOM = 64L << 20;

    private final Plan plan;
    private final Workplace place;
    private final Narration narration;

    /// @param bytes the size to begin with
    /// @param keep stop while the volume is mounted
    record Plan(VolumeKind kind, long bytes, boolean keep) {
        long grownBytes() {
            return Math.multiplyExact(bytes, 2);
        }

        Workplace.Needs needs() {
            return new Workplace.Needs("demo", kind.fileSystem(), grownBytes() + ROOM);
        }
    }

    DemoStory(Plan plan, Workplace place, Narration narration) {
        this.plan = plan;
        this.place = place;
        this.narration = narration;
    }

    /// Returns the exit code. Whatever happens, the folder is cleaned up, unless it is to be kept.
    int tell() throws IOException {
        var frame = new DemoFrame(place, narration);
        frame.open(
                "One volume's life: %s, %s".formatted(plan.kind(), Quantities.text(plan.bytes())));
        var kept = false;
        try (var nodes = DemoNodes.start(place, narration)) {
            kept = new Chapters(nodes).tell();
        } catch (IOException | RuntimeException e) {
            return frame.brokenOff(e);
        }
        if (kept) {
            sayHowToCleanUp();
            return DemoFrame.SUCCESS;
        }
        return frame.close();
    }

    private void sayHowToCleanUp() throws IOException {
        narration.say("");
        narration.title("Kept. To clean up:");
        for (var command : place.remains().remedy()) {
            narration.say("  " + command);
        }
    }

    /// What happens to the volume.
    private final class Chapters {
        private final DemoNode first;
        private final DemoNode second;
        private final VolumeClient volume;

        Chapters(DemoNodes nodes) {
            first = nodes.first();
            second = nodes.second();
            volume = new VolumeClient(first.client(), plan.kind().capability());
        }

        /// True if the volume is still mounted at the end.
        boolean tell() throws IOException {
            var content = DemoContent.random(plan.kind());
            narration.step("create", this::create);
            arrive(first);
            narration.step("write", () -> content.write(first.target()));
            narration.step("read", () -> content.readBack(first.target()));
            if (plan.keep()) {
                narration.say("");
                narration.say("mounted at " + first.target());
                return true;
            }
            narration.step("grow", this::grow);
            leave(first);
            arrive(second);
            narration.step(
                    "find", () -> content.readBack(second.target()) + "; has " + size(second));
            leave(second);
            narration.step("delete", this::delete);
            return false;
        }

        private String create() {
            var bytes = volume.create("demo", plan.bytes());
            return "%s, %s, thick".formatted(volume.id(), Quantities.text(bytes));
        }

        private void arrive(DemoNode node) throws IOException {
            narration.step("attach", () -> attach(node));
            narration.step("stage", () -> stage(node));
            narration.step("publish", () -> publish(node));
        }

        private void leave(DemoNode node) throws IOException {
            narration.step("unpublish", () -> unpublish(node));
            narration.step("unstage", () -> unstage(node));
            narration.step("detach", () -> detach(node));
        }

        private String attach(DemoNode node) {
            volume.attach(node.name());
            return "to " + node.name();
        }

        private String stage(DemoNode node) {
            volume.stage(node.client(), node.staging());
            var done = plan.kind().fileSystem().map(type -> staged(node, type.kernelName()));
            return "on %s: %s".formatted(node.name(), done.orElse("connected"));
        }

        private String staged(DemoNode node, String type) {
            return node == first ? "mkfs.%s, mounted".formatted(type) : type + " found, mounted";
        }

        private String publish(DemoNode node) {
            volume.publish(node.client(), node.staging(), node.target());
            return "on %s, %s".formatted(node.name(), shown(node.target()));
        }

        private String shown(Path target) {
            return "at " + place.folder().relativize(target);
        }

        private String size(DemoNode node) {
            var bytes = volume.totalBytes(node.client(), node.target());
            return Quantities.text(bytes);
        }

        private String grow() throws IOException {
            var before = size(first);
            volume.expand(plan.grownBytes());
            try {
                volume.expandOn(first.client(), first.staging(), first.target(), plan.grownBytes());
            } catch (StatusRuntimeException e) {
                if (plan.kind() != VolumeKind.EXT4 || Linux.hasCapSysResource()) {
                    throw e;
                }
                return "image grown; without CAP_SYS_RESOURCE the next stage grows ext4";
            }
            return "while in use, from %s to %s".formatted(before, size(first));
        }

        private String unpublish(DemoNode node) {
            volume.unpublish(node.client(), node.target());
            return "on " + node.name();
        }

        private String unstage(DemoNode node) {
            volume.unstage(node.client(), node.staging());
            return "on " + node.name();
        }

        private String detach(DemoNode node) {
            volume.detach(node.name());
            return "from " + node.name();
        }

        private String delete() {
            volume.delete();
            return volume.id();
        }
    }
}
