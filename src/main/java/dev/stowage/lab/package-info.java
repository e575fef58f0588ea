/// Disposable disks and drivers, for the demo, the benchmark and the tests. Nothing of them
/// outlives its user.
@NullMarked
package dev.stowage.lab;

import org.jspecify.annotations.NullMarked;
