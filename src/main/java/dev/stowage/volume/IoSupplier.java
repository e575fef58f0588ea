package dev.stowage.volume;

import java.io.IOException;

/// Something to look up that may fail on the machine.
@FunctionalInterface
public interface IoSupplier<T> {
    T get() throws IOException;
}
