/// The program: which commands it has, and how it explains an error.
@NullMarked
package dev.stowage;

import org.jspecify.annotations.NullMarked;
