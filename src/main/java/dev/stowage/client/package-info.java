/// A CSI client: what the demo, the benchmark and the tests call a driver with.
@NullMarked
package dev.stowage.client;

import org.jspecify.annotations.NullMarked;
