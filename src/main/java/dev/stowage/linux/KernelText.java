package dev.stowage.linux;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.Arrays;

/// Names as the kernel has them, which are bytes, as text that can be compared: two are equal only
/// if their bytes are.
final class KernelText {
    /// A character that no UTF-8 stands for: half of a pair of UTF-16.
    private static final char NOT_UTF_8 = '\uDC80';

    private KernelText() {}

    /// UTF-8 as what it says. Anything else is no path that this driver was ever given: it begins
    /// with half a character, which no such path contains, and then has one character a byte.
    static String of(byte[] bytes) {
        try {
            return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            return NOT_UTF_8 + new String(bytes, ISO_8859_1);
        }
    }

    static boolean isUtf8(String text) {
        return text.isEmpty() || text.charAt(0) != NOT_UTF_8;
    }

    /// For a person: what is no UTF-8 with its bytes as mountinfo has them, `\\377`.
    static String shown(String text) {
        if (isUtf8(text)) {
            return text;
        }
        var shown = new StringBuilder();
        for (var each : text.substring(1).toCharArray()) {
            shown.append(each < 0x80 ? String.valueOf(each) : "\\%03o".formatted((int) each));
        }
        return shown.toString();
    }

    /// The bytes that `text` was made of, and a NUL.
    static byte[] cString(String text) {
        if (isUtf8(text)) {
            return Syscall.cString(text);
        }
        var bytes = text.substring(1).getBytes(ISO_8859_1);
        return Arrays.copyOf(bytes, bytes.length + 1);
    }
}
