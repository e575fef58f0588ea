package dev.stowage.demo;

import dev.stowage.lab.Narration;
import dev.stowage.lab.Workplace;
import dev.stowage.serve.Role;
import java.io.IOException;

/// The two nodes of the demo.
///
/// @param first has the controller too
record DemoNodes(DemoNode first, DemoNode second) implements AutoCloseable {
    static DemoNodes start(Workplace place, Narration narration) throws IOException {
        var started = new DemoNode[2];
        try {
            narration.step(
                    "start",
                    () -> {
                        started[0] = DemoNode.start(place, "n1", Role.ALL);
                        started[1] = DemoNode.start(place, "n2", Role.NODE);
                        var _ = started[1].answer();
                        return started[0].answer() + " answers as n1 and as n2";
                    });
        } catch (IOException | RuntimeException e) {
            for (var node : started) {
                if (node != null) {
                    node.close();
                }
            }
            throw e;
        }
        return new DemoNodes(started[0], started[1]);
    }

    @Override
    public void close() {
        second.close();
        first.close();
    }
}
