/// Tests of the node on real loop devices and mounts.
@NullMarked
package dev.stowage.node;

import org.jspecify.annotations.NullMarked;
