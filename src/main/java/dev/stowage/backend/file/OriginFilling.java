package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_RDONLY;

import dev.stowage.linux.Fd;
import dev.stowage.spi.Origin;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.function.BooleanSupplier;

/// Fills a new image with what an origin holds.
///
/// @param reflinks sharing blocks is worth a try
/// @param stop asked while bytes are copied
record OriginFilling(Origin origin, boolean reflinks, BooleanSupplier stop) implements Filling {
    /// Each new try is a format of the origin that began or ended meanwhile.
    private static final int TRIES = 8;

    @Override
    public FormatState fill(Fd image, Provisioning provisioning, long bytes) throws IOException {
        try (var from = open(origin)) {
            for (var tries = 0; tries < TRIES; tries++) {
                var before = origin.format();
                image.truncate(0);
                if (!share(from, image, provisioning, bytes)) {
                    origin.requireStill();
                    Filling.size(image, provisioning, bytes);
                    ImageCopy.copy(
                            from,
                            image,
                            origin.sizeBytes(),
                            origin.holesTold(),
                            _ -> stop.getAsBoolean());
                }
                if (origin.format().equals(before)) {
                    return before.ofCopy();
                }
            }
        }
        throw new VolumeException(Reason.BUSY, "what is to be copied is being formatted; retry");
    }

    @Override
    public boolean shares() {
        return reflinks;
    }

    private boolean share(Fd from, Fd image, Provisioning provisioning, long bytes)
            throws IOException {
        if (!reflinks) {
            return false;
        }
        origin.flush();
        if (!ImageCopy.share(from, image)) {
            return false;
        }
        Filling.size(image, provisioning, bytes);
        return true;
    }

    static Fd open(Origin origin) throws IOException {
        var image =
                origin.image()
                        .orElseThrow(
                                () ->
                                        new VolumeException(
                                                Reason.INVALID,
                                                "what is to be copied has no image on this machine: use a pool of its own kind"));
        return Fd.open(image, O_RDONLY);
    }
}
