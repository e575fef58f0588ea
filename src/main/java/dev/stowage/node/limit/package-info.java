/// Limits on the I/O of pods, through their cgroups.
@NullMarked
package dev.stowage.node.limit;

import org.jspecify.annotations.NullMarked;
