package dev.stowage.linux;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;

/// The kernel's way to write blanks, newlines and backslashes in mountinfo: `\040` (mangle_path).
final class Octal {
    private static final int DIGITS = 3;

    private Octal() {}

    /// @param text one char for each byte (ISO 8859-1)
    /// @return the bytes as text, see [KernelText]
    static String unescape(String text) {
        if (isPlain(text)) {
            return text;
        }
        var bytes = new ByteArrayOutputStream(text.length());
        for (var i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            if (c == '\\' && i + DIGITS < text.length() && isOctal(text, i + 1)) {
                bytes.write(Integer.parseInt(text.substring(i + 1, i + 1 + DIGITS), 8));
                i += DIGITS;
            } else {
                bytes.write(c);
            }
        }
        return KernelText.of(bytes.toByteArray());
    }

    /// Of nearly all: without an escape, and the same in UTF-8.
    private static boolean isPlain(String text) {
        for (var i = 0; i < text.length(); i++) {
            if (text.charAt(i) == '\\' || text.charAt(i) > '\u007f') {
                return false;
            }
        }
        return true;
    }

    static String ofBytes(byte[] bytes) {
        return new String(bytes, ISO_8859_1);
    }

    private static boolean isOctal(String text, int from) {
        for (var i = from; i < from + DIGITS; i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '7') {
                return false;
            }
        }
        return true;
    }
}
