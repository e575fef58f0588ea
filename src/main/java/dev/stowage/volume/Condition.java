package dev.stowage.volume;

/// Something that is wrong with a volume or a pool now.
///
/// @param message for a person: what was seen, and what to do
public record Condition(Fault fault, String message) {
    /// Whether nobody can use what it is about.
    public boolean shutsOut() {
        return fault.effect() == Fault.Effect.INACCESSIBLE;
    }
}
