package dev.stowage.volume;

/// Text from others, fit for a message.
public final class Printable {
    private static final int MAX = 128;

    private Printable() {}

    /// The beginning of `text`, with what is not a printable ASCII character as `?`.
    static String of(String text) {
        var shown = text.length() > MAX ? text.substring(0, MAX) + "..." : text;
        return shown.replaceAll("[^\\x20-\\x7e]", "?");
    }

    /// All of `text`, with what would break a line or steer a terminal as `\\u001b`: a pod chooses
    /// what its processes and files are called.
    public static String escaped(String text) {
        var shown = new StringBuilder(text.length());
        text.codePoints()
                .forEach(
                        c -> {
                            if (isShown(c)) {
                                shown.appendCodePoint(c);
                            } else {
                                shown.append("\\u%04x".formatted(c));
                            }
                        });
        return shown.toString();
    }

    private static boolean isShown(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE ->
                    false;
            default -> true;
        };
    }
}
