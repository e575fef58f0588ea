package dev.stowage.node;

import dev.stowage.volume.IoAction;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.io.InterruptedIOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A step without which a volume can be used all the same. Where it fails the volume is served as
/// it is, the log says what failed, and the volume's health says what is missing for as long as it
/// is.
final class OptionalStep {
    private static final Logger LOG = LoggerFactory.getLogger(OptionalStep.class);

    private OptionalStep() {}

    /// @param what is done, for the log: `growing the file system of volume X`
    /// @throws VolumeException DAMAGED: what was found damaged must not be used
    /// @throws InterruptedIOException if this process ends
    static void attempt(String what, IoAction step) throws IOException {
        try {
            step.run();
        } catch (VolumeException e) {
            if (e.reason() == Reason.DAMAGED) {
                throw e;
            }
            LOG.warn("{} failed, and it is used as it is: {}", what, e.getMessage());
        } catch (InterruptedIOException e) {
            throw e;
        } catch (IOException e) {
            LOG.warn("{} failed, and it is used as it is: {}", what, e.getMessage());
        }
    }
}
