package dev.stowage.volume;

/// Text from a caller, fit for an error message.
final class Printable {
    private static final int MAX = 128;

    private Printable() {}

    /// The beginning of `text`, with what is not a printable ASCII character as `?`.
    static String of(String text) {
        var shown = text.length() > MAX ? text.substring(0, MAX) + "..." : text;
        return shown.replaceAll("[^\\x20-\\x7e]", "?");
    }
}
