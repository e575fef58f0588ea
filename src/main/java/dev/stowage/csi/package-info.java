/// gRPC in, gRPC out: the only room that knows the Container Storage Interface.
@NullMarked
package dev.stowage.csi;

import org.jspecify.annotations.NullMarked;
