package dev.stowage.volume;

import java.io.IOException;

/// Something to do that may fail on the machine.
@FunctionalInterface
public interface IoAction {
    void run() throws IOException;
}
