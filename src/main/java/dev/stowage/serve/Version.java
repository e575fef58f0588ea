package dev.stowage.serve;

import java.util.Objects;

/// The version of this program, from the jar it runs from.
public final class Version {
    private Version() {}

    /// Never empty: Kubernetes' sidecars refuse a driver without a version.
    public static String text() {
        return Objects.requireNonNullElse(
                Version.class.getPackage().getImplementationVersion(), "development");
    }
}
