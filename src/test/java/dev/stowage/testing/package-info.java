/// What the tests share: real file systems in temporary places, and the check that nothing of them
/// stays behind.
@NullMarked
package dev.stowage.testing;

import org.jspecify.annotations.NullMarked;
