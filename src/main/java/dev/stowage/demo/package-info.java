/// `stowage demo`: one volume through its whole life on the machine at hand, step by step.
@NullMarked
package dev.stowage.demo;

import org.jspecify.annotations.NullMarked;
