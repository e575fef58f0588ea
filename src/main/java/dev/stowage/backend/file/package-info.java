/// The `file` backend: volumes are image files in a folder of this machine, and one rename is the
/// commit. What lies on disk, and the order of every durable step, is in docs/format.md.
@NullMarked
package dev.stowage.backend.file;

import org.jspecify.annotations.NullMarked;
