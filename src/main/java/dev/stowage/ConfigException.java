package dev.stowage;

/// The configuration can't be used; the message names the place and the remedy.
final class ConfigException extends RuntimeException {
    private static final long serialVersionUID = 1;

    ConfigException(String message) {
        super(message);
    }
}
