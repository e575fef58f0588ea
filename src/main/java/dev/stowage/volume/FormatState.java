package dev.stowage.volume;

/// How far the one format of a volume's life has come.
public sealed interface FormatState {
    /// Never written by anybody: the only state from which a first mkfs may start.
    record Blank() implements FormatState {}

    /// An mkfs began and was not seen to end. The volume was never mounted, so it may be run again.
    record Formatting(FileSystemType fileSystem) implements FormatState {}

    /// The mkfs ended well. Never formatted again.
    record Formatted(FileSystemType fileSystem) implements FormatState {}

    /// The content came from elsewhere. Never formatted, whatever it looks like.
    record Adopted() implements FormatState {}

    /// The content was copied from another volume, perhaps in the midst of its use, and has not
    /// been mounted since: its journal is to be replayed, and it may have to be told from the other
    /// volume's. Never formatted, whatever it looks like.
    record Copied() implements FormatState {}

    /// The state of a copy of what is in this state now.
    default FormatState ofCopy() {
        return switch (this) {
            case Blank blank -> blank;
            case Formatting formatting -> formatting;
            case Formatted _, Adopted _, Copied _ -> new Copied();
        };
    }
}
