/// Commands for people that work on a pool without a driver: `stowage volume`.
@NullMarked
package dev.stowage.cli;

import org.jspecify.annotations.NullMarked;
