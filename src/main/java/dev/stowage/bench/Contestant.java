package dev.stowage.bench;

import dev.stowage.lab.Stopwatch;
import java.io.IOException;

/// One way to take a volume of the benchmark through its life and back to nothing.
interface Contestant extends AutoCloseable {
    /// The whole life's entry in the stopwatch.
    String name();

    /// Runs one life; may time its own steps too.
    ///
    /// @param volume a name that no other life of this benchmark has
    void live(String volume, Stopwatch watch) throws IOException;

    @Override
    void close() throws IOException;
}
