/// The program: its commands, its configuration, and the wiring of all the rest.
@NullMarked
package dev.stowage;

import org.jspecify.annotations.NullMarked;
