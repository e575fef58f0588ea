/// Values: what a volume is and what may be asked of it. They are the same on every backend and
/// every node.
@NullMarked
package dev.stowage.volume;

import org.jspecify.annotations.NullMarked;
