/// What the author of a backend reads, all of it: [Backend], its optional powers, and how a node
/// reaches a volume.
@NullMarked
package dev.stowage.spi;

import org.jspecify.annotations.NullMarked;
