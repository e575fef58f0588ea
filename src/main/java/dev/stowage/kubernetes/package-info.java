/// The one place that speaks to the cluster's API: events on claims that fit nowhere.
@NullMarked
package dev.stowage.kubernetes;

import org.jspecify.annotations.NullMarked;
