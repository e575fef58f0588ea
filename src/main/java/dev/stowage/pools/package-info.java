/// Requests over many pools: finds the pool, asks its backend, and keeps a sick pool from being the
/// others' trouble.
@NullMarked
package dev.stowage.pools;

import org.jspecify.annotations.NullMarked;
