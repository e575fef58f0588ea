/// File systems on a block device: what is there, the one format, growth, and mounting.
@NullMarked
package dev.stowage.node.filesystem;

import org.jspecify.annotations.NullMarked;
