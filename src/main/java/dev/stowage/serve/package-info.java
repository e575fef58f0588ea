/// The running driver: `stowage serve` makes the objects of all other rooms, hands them to each
/// other and answers on a socket until it is told to end.
@NullMarked
package dev.stowage.serve;

import org.jspecify.annotations.NullMarked;
