/// The domain: what a volume is, what may be asked of it, and the [Backend] SPI that carries it
/// out. Nothing here knows protobuf, the kernel or any one backend.
@NullMarked
package dev.stowage.volume;

import org.jspecify.annotations.NullMarked;
