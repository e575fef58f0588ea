/// What carries out create, delete, attach and growth: one folder for each kind of pool.
@NullMarked
package dev.stowage.backend;

import org.jspecify.annotations.NullMarked;
