/// `stowage bench`: a driver measured beside programs that do the same work without one.
@NullMarked
package dev.stowage.bench;

import org.jspecify.annotations.NullMarked;
