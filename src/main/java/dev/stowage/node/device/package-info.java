/// From an attachment to a block device, and back: connectors, and who holds a device.
@NullMarked
package dev.stowage.node.device;

import org.jspecify.annotations.NullMarked;
