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
}
