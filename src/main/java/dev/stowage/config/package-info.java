/// The configuration: one YAML file, read once. Whatever it says that is not understood is refused,
/// with its place and the nearest known key.
@NullMarked
package dev.stowage.config;

import org.jspecify.annotations.NullMarked;
