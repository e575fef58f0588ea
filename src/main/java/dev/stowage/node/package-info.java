/// Staging and publishing on the kubelet's host: a volume is connected to a block device, formatted
/// once, grown, mounted at its staging path and bound into pods. The kernel's own tables say what
/// is there; no file of ours does.
@NullMarked
package dev.stowage.node;

import org.jspecify.annotations.NullMarked;
