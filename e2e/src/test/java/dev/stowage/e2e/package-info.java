/// What users do with the driver, on a real cluster: e2e/README.md says how to have one.
@NullMarked
package dev.stowage.e2e;

import org.jspecify.annotations.NullMarked;
