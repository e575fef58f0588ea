package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_RDONLY;

import dev.stowage.linux.Fd;
import dev.stowage.spi.CopySource;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.function.BooleanSupplier;

/// Fills a new image with what a source holds.
///
/// @param reflinks sharing blocks is worth a try
/// @param stop asked while bytes are copied
record CopyFilling(CopySource copySource, boolean reflinks, BooleanSupplier stop)
        implements Filling {
    /// Each new try is a format of the source that began or ended meanwhile.
    private static final int TRIES = 8;

    @Override
    public FormatState fill(Fd image, Provisioning provisioning, long bytes) throws IOException {
        try (var from = open(copySource)) {
            for (var tries = 0; tries < TRIES; tries++) {
                var before = copySource.format();
                image.truncate(0);
                if (!share(from, image, provisioning, bytes)) {
                    copySource.requireQuiesced();
                    Filling.size(image, provisioning, bytes);
                    ImageCopy.copy(
                            from,
                            image,
                            copySource.sizeBytes(),
                            copySource.holesTold(),
                            _ -> stop.getAsBoolean());
                }
                if (copySource.format().equals(before)) {
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
        copySource.flush();
        if (!ImageCopy.share(from, image)) {
            return false;
        }
        Filling.size(image, provisioning, bytes);
        return true;
    }

    static Fd open(CopySource copySource) throws IOException {
        var image =
                copySource
                        .image()
                        .orElseThrow(
                                () ->
                                        new VolumeException(
                                                Reason.INVALID,
                                                "what is to be copied has no image on this machine: use a pool of its own kind"));
        return Fd.open(image, O_RDONLY);
    }
}
